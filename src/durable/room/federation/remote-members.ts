import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { log } from '../../../runtime/log.ts'
import { inTurns } from '../../../runtime/turns.ts'
import { ANY_MEMBER, type MemberMovement } from '../../../storage/remote-server/member-rooms.ts'
import { residentServers } from '../../../storage/room/partial-room.ts'
import { introducePresence } from '../introduce-presence.ts'
import type { RoomCore } from '../room-core.ts'
import { MEMBER_HINTS_PARALLEL } from './limits.ts'

/** Servers told of members at once. A room that many servers' users come into in one commit, by being joined, tells nobody: whoever asks for devices there hears of changes. */
const MAX_SERVERS = 200

/** Members read from storage at a time, and told of in all when a room has been joined. */
const MEMBERS_PAGE = 1_000
const MAX_IMPORTED_MEMBERS = 20_000

/** What the object of another server offers rooms. */
export interface MemberIndex {
  noteMembers(roomId: string, movements: readonly MemberMovement[]): Promise<unknown>
}

/**
 * Tells the objects of other servers which of their users came into the room and which went, so that changes of those users' devices find the local users
 * concerned. A hint: what a crash swallows is made up for by whoever asks for a user's devices.
 */
export class RemoteMembers {
  readonly #core: RoomCore
  readonly #indexOf: (serverName: string) => MemberIndex

  /** Servers that were told that any of their users may be here. What a crash leaves behind does no harm: the room is asked. */
  #presumed: readonly string[] = []

  constructor(core: RoomCore, indexOf: (serverName: string) => MemberIndex) {
    this.#core = core
    this.#indexOf = indexOf
  }

  /** The room has been joined, or its state has become whole: whoever is there is new here. */
  imported(): void {
    this.#presume()
    const { members } = this.#core
    if (members.joinedServers('', MAX_SERVERS + 1).length > MAX_SERVERS) return
    const userIds: string[] = []
    for (let after: string | undefined = ''; after !== undefined && userIds.length < MAX_IMPORTED_MEMBERS; ) {
      const page = members.list(['join'], after, MEMBERS_PAGE)
      for (const { userId, local } of page) if (!local) userIds.push(userId)
      after = page.length < MEMBERS_PAGE ? undefined : page.at(-1)?.userId
      if (after !== undefined && userIds.length >= MAX_IMPORTED_MEMBERS)
        log.debug('not every member of a joined room is known to the object of their server')
    }
    this.#note(userIds)
  }

  /** While the members of the room are not known, any user of the servers that are said to be there may be one. */
  #presume(): void {
    const { partial, store } = this.#core
    const isUnknown = partial.current !== undefined
    if (isUnknown) this.#presumed = residentServers(store, MAX_SERVERS + 1)
    // Objects of hundreds of servers are not opened for this: whoever asks for devices there hears of changes.
    if (this.#presumed.length > MAX_SERVERS) this.#presumed = []
    for (const serverName of this.#presumed) {
      this.#core.ctx.waitUntil(this.#tell(serverName, [{ userId: ANY_MEMBER, joined: isUnknown }]))
    }
    if (!isUnknown) this.#presumed = []
  }

  /** A commit has moved memberships. */
  committed(): void {
    introducePresence(this.#core, this.#core.movedRemoteMembers)
    const moved = [...this.#core.movedRemoteMembers]
    this.#core.movedRemoteMembers.clear()
    this.#note(moved)
  }

  #note(moved: readonly string[]): void {
    const byServer = new Map<string, MemberMovement[]>()
    for (const userId of moved) {
      const serverName = parseUserId(userId)?.serverName
      if (serverName === undefined) continue
      const movements = byServer.get(serverName) ?? []
      movements.push({ userId, joined: this.#core.members.find(userId)?.membership === 'join' })
      byServer.set(serverName, movements)
    }
    if (byServer.size > MAX_SERVERS) return
    this.#core.ctx.waitUntil(inTurns([...byServer], MEMBER_HINTS_PARALLEL, ([serverName, movements]) => this.#tell(serverName, movements)))
  }

  async #tell(serverName: string, movements: readonly MemberMovement[]): Promise<void> {
    try {
      await this.#indexOf(serverName).noteMembers(this.#core.roomId, movements)
    } catch (cause) {
      log.warn('the object of another server does not know who is in a room', cause)
    }
  }
}
