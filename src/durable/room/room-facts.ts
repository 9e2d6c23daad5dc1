import { parseUserId } from '../../matrix/ids/user-id.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import type { RoomFacts } from '../room-news.ts'
import type { RoomCore } from './room-core.ts'

/** Events that move a room up in a list (MSC4186, `bump_stamp`). */
const BUMPING_TYPES: ReadonlySet<string> = new Set([
  'm.room.create',
  'm.room.message',
  'm.room.encrypted',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  'org.matrix.msc3381.poll.start',
  'm.beacon_info',
  'org.matrix.msc3672.beacon_info',
])
/** Events looked at after a restart for the latest that bumps; before them the room's creation counts. */
const MAX_LOOKED_AT = 200

/**
 * What members' room lists keep of this room. Times of arrival are in memory; after a restart what events say of themselves has to do, never later
 * than now.
 */
export class FactsOfRoom {
  readonly #core: RoomCore
  #times: { activityTs: number; bumpTs: number; memberPos: number } | undefined
  #group: number | undefined
  #joined: { readonly group: number; readonly count: number } | undefined

  constructor(core: RoomCore) {
    this.#core = core
  }

  /** Events were committed; the head is theirs. */
  committed(appended: readonly StoredEvent[]): void {
    const times = this.#load()
    const now = this.#core.nowMs()
    times.activityTs = now
    if (appended.some(({ type }) => BUMPING_TYPES.has(type))) times.bumpTs = now
    const { currentGroup, headPos } = this.#core.head
    if (currentGroup !== this.#group && appended.some((event) => mayMoveMembers(this.#core, event))) times.memberPos = headPos
    this.#group = currentGroup
  }

  /** As things are now. */
  read(): RoomFacts {
    const core = this.#core
    const type = core.currentEvent('m.room.create', '')
    const roomType = type === undefined ? undefined : core.roomEvent(type, core.roomId).content.type
    return {
      ...this.#load(),
      encrypted: core.currentEvent('m.room.encryption', '') !== undefined,
      roomType: typeof roomType === 'string' ? roomType : null,
    }
  }

  /** Joined members; remembered until the state changes. */
  joinedCount(): number {
    const group = this.#core.head.currentGroup
    if (this.#joined?.group !== group) this.#joined = { group, count: this.#core.members.count('join') }
    return this.#joined.count
  }

  #load(): { activityTs: number; bumpTs: number; memberPos: number } {
    if (this.#times === undefined) {
      const core = this.#core
      const latest = core.events.page('backwards', -1, Number.MAX_SAFE_INTEGER, MAX_LOOKED_AT).filter(({ pos }) => pos !== undefined)
      const bumping = latest.find(({ type }) => BUMPING_TYPES.has(type))
      const now = core.nowMs()
      this.#times = {
        activityTs: Math.min(now, latest[0]?.originServerTs ?? core.head.createdTs),
        bumpTs: Math.min(now, bumping?.originServerTs ?? core.head.createdTs),
        memberPos: core.members.lastMoved(),
      }
      this.#group = core.head.currentGroup
    }
    return this.#times
  }
}

/** Whether memberships may have moved with an event: its own, or because it merges branches of the room's history. */
function mayMoveMembers(core: RoomCore, event: StoredEvent): boolean {
  return event.type === 'm.room.member' || parseUserId(event.sender)?.serverName !== core.config.serverName
}
