import type { StoredEvent } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'

/** Devices whose known members are remembered per room. */
const MAX_DEVICES = 64
/** Members remembered per device; beyond it all may be sent again. */
const MAX_MEMBERS_PER_DEVICE = 1000

interface SentMember {
  readonly nid: number
  /** End of the window that it was sent with. */
  readonly to: number
}

/**
 * Which member events a lazily loading client already has (client-server-api#lazy-loading-room-members). In memory: forgetting means sending a
 * member twice, which the specification allows. A window that the client asks for again did not arrive, and neither did its members.
 */
export class LazyMembers {
  readonly #sent = new Map<string, Map<string, SentMember>>()

  /** Forgets what a device has: it starts anew. */
  forget(device: string): void {
    this.#sent.delete(device)
  }

  /** Of the given member events those that a device that asks from a position does not have. */
  unsent(device: string, from: number, members: readonly StoredEvent[]): StoredEvent[] {
    const known = this.#sent.get(device)
    return members.filter(({ stateKey, nid }) => {
      const sent = known?.get(stateKey ?? '')
      return sent === undefined || sent.nid !== nid || sent.to > from
    })
  }

  /** Members are sent to a device with a window that ends at a position. */
  note(device: string, to: number, members: readonly StoredEvent[]): void {
    if (members.length === 0) return
    const known = this.#sent.get(device) ?? new Map<string, SentMember>()
    for (const { stateKey, nid } of members) {
      if (known.size >= MAX_MEMBERS_PER_DEVICE) known.clear()
      known.set(stateKey ?? '', { nid, to })
    }
    this.#sent.delete(device)
    this.#sent.set(device, known)
    if (this.#sent.size > MAX_DEVICES) {
      const oldest = this.#sent.keys().next()
      if (!oldest.done) this.#sent.delete(oldest.value)
    }
  }
}

/** Current member events of some users. */
export function memberEvents(core: RoomCore, userIds: Iterable<string>): StoredEvent[] {
  return [...new Set(userIds)].flatMap((userId) => core.currentEvent('m.room.member', userId) ?? [])
}

/** Member events of some users as they were at a position: whoever is out does not hear of what members did since. */
export function memberEventsAt(core: RoomCore, userIds: Iterable<string>, pos: number): StoredEvent[] {
  if (pos >= core.head.headPos) return memberEvents(core, userIds)
  return [...new Set(userIds)].flatMap((userId) => {
    const kid = core.keys.find('m.room.member', userId)
    if (kid === undefined) return []
    const moved = core.state.history(kid).find((change) => change.pos > pos)
    const nid = moved === undefined ? core.state.find(kid) : moved.oldNid
    return nid === undefined || nid === 0 ? [] : [core.events.get(nid)]
  })
}
