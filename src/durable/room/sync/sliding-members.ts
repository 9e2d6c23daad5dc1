import type { StoredEvent } from '../../../storage/room/events.ts'

/** Connections whose known members are remembered per room, and members of each; beyond that members may be sent again. */
const MAX_CONNECTIONS = 64
const MAX_MEMBERS = 1_000

interface SentMember {
  readonly nid: number
  /** The answer that it was sent with. */
  readonly answer: number
}

/**
 * Which member events connections of sliding sync have been sent because of what was in a timeline. In memory: forgetting means sending a member twice.
 * An answer that may not have arrived counts for nothing.
 */
export class SlidingMembers {
  readonly #sent = new Map<string, Map<string, SentMember>>()

  /** The room is new to the connection. */
  forget(connection: string): void {
    this.#sent.delete(connection)
  }

  /** Of some member events those that the client does not have; what it had of these members it has no longer. */
  unsent(connection: string, acknowledged: number, members: readonly StoredEvent[]): StoredEvent[] {
    const known = this.#sent.get(connection)
    return members.filter(({ stateKey, nid }) => {
      const sent = known?.get(stateKey ?? '')
      return sent === undefined || sent.nid !== nid || sent.answer > acknowledged
    })
  }

  /** Members were sent with an answer. */
  note(connection: string, answer: number, members: readonly StoredEvent[]): void {
    if (members.length === 0) return
    const known = this.#sent.get(connection) ?? new Map<string, SentMember>()
    for (const { stateKey, nid } of members) {
      if (known.size >= MAX_MEMBERS) known.clear()
      known.set(stateKey ?? '', { nid, answer })
    }
    this.#sent.delete(connection)
    this.#sent.set(connection, known)
    if (this.#sent.size > MAX_CONNECTIONS) {
      const oldest = this.#sent.keys().next()
      if (!oldest.done) this.#sent.delete(oldest.value)
    }
  }
}
