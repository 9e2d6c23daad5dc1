import type { StoredEvent } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'

/** Devices whose known members are remembered per room. */
const MAX_DEVICES = 64
/** Members remembered per device; beyond it the oldest may be sent again. */
const MAX_MEMBERS_PER_DEVICE = 1000

/**
 * Which member events a lazily loading client already has (client-server-api#lazy-loading-room-members). In memory: forgetting means sending a
 * member twice, which the specification allows.
 */
export class LazyMembers {
  readonly #sent = new Map<string, Map<string, number>>()

  /** Forgets what a device has: it starts anew. */
  forget(device: string): void {
    this.#sent.delete(device)
  }

  /** Of the given member events those that the device does not have; remembers them as sent. */
  unsent(device: string, members: readonly StoredEvent[], includeRedundant: boolean): StoredEvent[] {
    const known = this.#sent.get(device) ?? new Map<string, number>()
    const fresh = members.filter((event) => includeRedundant || known.get(event.stateKey ?? '') !== event.nid)
    for (const event of members) {
      if (known.size >= MAX_MEMBERS_PER_DEVICE) known.clear()
      known.set(event.stateKey ?? '', event.nid)
    }
    this.#sent.delete(device)
    this.#sent.set(device, known)
    if (this.#sent.size > MAX_DEVICES) {
      const oldest = this.#sent.keys().next()
      if (!oldest.done) this.#sent.delete(oldest.value)
    }
    return fresh
  }
}

/** Current member events of some users. */
export function memberEvents(core: RoomCore, userIds: Iterable<string>): StoredEvent[] {
  return [...new Set(userIds)].flatMap((userId) => core.currentEvent('m.room.member', userId) ?? [])
}
