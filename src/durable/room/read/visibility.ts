import { forbidden } from '../../../matrix/errors.ts'
import { DUMMY_EVENT_TYPE } from '../../../matrix/events/dummy-event.ts'
import { type HistoryVisibility, historyVisibilityOf, mayReadEvent, membershipOf } from '../../../matrix/history-visibility.ts'
import type { Membership } from '../../../matrix/membership.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import type { RoomCore } from '../room-core.ts'

/**
 * What one reader may see of a room: the single place that every read passes through (client-server-api#room-history-visibility).
 * Built per request; it knows the reader's horizon (nothing after a leave or ban), the visibility at each event, redaction's effect on rows, and
 * which events are part of the room at all.
 */
export class Visibility {
  readonly #core: RoomCore
  readonly userId: string
  /** The reader's current membership; `undefined` for users the room has never seen. */
  readonly membership: Membership | undefined
  /** Order of the last event that the reader may see as a (former) member; infinite while joined, negative for strangers. */
  readonly horizonOrd: number
  readonly #lastJoinOrd: number | undefined
  readonly #neverRestricted: boolean
  #memo: { readonly group: number; readonly visibility: HistoryVisibility; readonly membership: Membership } | undefined

  constructor(core: RoomCore, userId: string) {
    this.#core = core
    this.userId = userId
    const member = core.members.find(userId)
    this.membership = member?.membership
    if (member?.membership === 'join') {
      this.horizonOrd = Number.POSITIVE_INFINITY
      this.#lastJoinOrd = member.pos * ORD_STEP
    } else {
      const lastJoin = member === undefined ? undefined : lastJoinPos(core, userId)
      this.#lastJoinOrd = lastJoin === undefined ? undefined : lastJoin * ORD_STEP
      this.horizonOrd = lastJoin === undefined ? -1 : leavePosAfter(core, userId, lastJoin) * ORD_STEP
    }
    this.#neverRestricted = core.past.neverRestricted()
  }

  /** Refuses readers who are not, never were in the room, and for whom it is not world readable. */
  requireReadable(): void {
    if (this.membership === 'join' || this.#lastJoinOrd !== undefined || this.isWorldReadableNow()) return
    throw forbidden('You are not in this room')
  }

  /** Whether anybody may read the room as it is now. */
  isWorldReadableNow(): boolean {
    const event = this.#core.currentEvent('m.room.history_visibility', '')
    return event !== undefined && historyVisibilityOf(this.#core.roomEvent(event, this.#core.roomId).content) === 'world_readable'
  }

  /** Position up to which the reader may see current state: the room's newest, or where they left. */
  get horizonPos(): number {
    if (this.membership === 'join' || this.isWorldReadableNow()) return this.#core.lastPos
    return Math.floor(this.horizonOrd / ORD_STEP)
  }

  /** Whether there is nothing in the room's history that the reader may not see. */
  get seesEverything(): boolean {
    return this.membership === 'join' && this.#neverRestricted
  }

  /** Whether the reader may see an event. */
  mayRead(event: StoredEvent): boolean {
    if (event.status !== 'accepted' || event.ord === undefined || event.type === DUMMY_EVENT_TYPE) return false
    if (event.ord <= this.horizonOrd && this.#neverRestricted) return true
    const own = event.type === 'm.room.member' && event.stateKey === this.userId
    const { visibility, membership } = this.#before(event)
    // After the horizon only what the whole world may read is left.
    if (event.ord > this.horizonOrd) return visibility === 'world_readable'
    return mayReadEvent({
      visibility,
      membership,
      visibilityAfter: event.type === 'm.room.history_visibility' && event.stateKey === '' ? this.#setVisibility(event) : undefined,
      membershipAfter: own ? membershipOf(this.#core.roomEvent(event, this.#core.roomId).content) : undefined,
      joinedLater: this.#lastJoinOrd !== undefined && this.#lastJoinOrd > event.ord,
    })
  }

  /** The reader's membership when an event was sent, for `unsigned.membership` (MSC4115). */
  membershipAt(event: StoredEvent): Membership {
    if (event.type === 'm.room.member' && event.stateKey === this.userId) {
      return membershipOf(this.#core.roomEvent(event, this.#core.roomId).content)
    }
    if (this.membership === 'join' && event.ord !== undefined && event.ord >= (this.#lastJoinOrd ?? 0)) return 'join'
    return this.#before(event).membership
  }

  #setVisibility(event: StoredEvent): HistoryVisibility {
    return historyVisibilityOf(this.#core.roomEvent(event, this.#core.roomId).content)
  }

  /** Visibility and the reader's membership in the state before an event. */
  #before(event: StoredEvent): { readonly visibility: HistoryVisibility; readonly membership: Membership } {
    if (this.#memo?.group === event.groupBefore) return this.#memo
    const content = (type: string, stateKey: string) => {
      const kid = this.#core.keys.find(type, stateKey)
      const nid = kid === undefined ? undefined : this.#core.groups.lookup(event.groupBefore, kid)
      return nid === undefined ? undefined : this.#core.roomEvent(this.#core.events.get(nid), this.#core.roomId).content
    }
    this.#memo = {
      group: event.groupBefore,
      visibility: historyVisibilityOf(content('m.room.history_visibility', '')),
      membership: membershipOf(content('m.room.member', this.userId)),
    }
    return this.#memo
  }
}

/** Position of the user's last change to `join` in current state. */
function lastJoinPos(core: RoomCore, userId: string): number | undefined {
  const joins = memberHistory(core, userId).filter(({ membership }) => membership === 'join')
  return joins.at(-1)?.pos
}

/** Position of the first change after a join that is not a join: the leave or ban that ended it. */
function leavePosAfter(core: RoomCore, userId: string, joinPos: number): number {
  return memberHistory(core, userId).find(({ pos, membership }) => pos > joinPos && membership !== 'join')?.pos ?? joinPos
}

function memberHistory(core: RoomCore, userId: string): { readonly pos: number; readonly membership: Membership }[] {
  const kid = core.keys.find('m.room.member', userId)
  if (kid === undefined) return []
  return core.state.history(kid).map(({ pos, newNid }) => ({
    pos,
    membership: newNid === 0 ? 'leave' : membershipOf(core.roomEvent(core.events.get(newNid), core.roomId).content),
  }))
}
