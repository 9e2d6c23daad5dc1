import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { log } from '../../../runtime/log.ts'
import type { MemberMovement } from '../../../storage/remote-server/member-rooms.ts'
import type { RoomCore } from '../room-core.ts'

/** Servers told of members at once. A room that many servers' users come into in one commit, by being joined, tells nobody: whoever asks for devices there hears of changes. */
const MAX_SERVERS = 200

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

  constructor(core: RoomCore, indexOf: (serverName: string) => MemberIndex) {
    this.#core = core
    this.#indexOf = indexOf
  }

  /** A commit has moved memberships. */
  committed(): void {
    const moved = [...this.#core.movedRemoteMembers]
    this.#core.movedRemoteMembers.clear()
    const byServer = new Map<string, MemberMovement[]>()
    for (const userId of moved) {
      const serverName = parseUserId(userId)?.serverName
      if (serverName === undefined) continue
      const movements = byServer.get(serverName) ?? []
      movements.push({ userId, joined: this.#core.members.find(userId)?.membership === 'join' })
      byServer.set(serverName, movements)
    }
    if (byServer.size > MAX_SERVERS) return
    for (const [serverName, movements] of byServer) this.#core.ctx.waitUntil(this.#tell(serverName, movements))
  }

  async #tell(serverName: string, movements: readonly MemberMovement[]): Promise<void> {
    try {
      await this.#indexOf(serverName).noteMembers(this.#core.roomId, movements)
    } catch (cause) {
      log.warn('the object of another server does not know who is in a room', cause)
    }
  }
}
