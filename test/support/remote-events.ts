import { createEvent, referenceHashesOf } from '../../src/matrix/events/create-event.ts'
import type { RoomEvent } from '../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { createSigner } from '../../src/matrix/signing.ts'
import { authTypesFor } from '../../src/state-resolution/auth/auth-types.ts'

/** Events made so far. */
let made = 0

/** The state of one branch of a room as another server holds it, from which it makes events. Immutable: forking is keeping an old one. */
export class RemoteBranch {
  readonly tips: readonly RoomEvent[]
  readonly state: ReadonlyMap<string, RoomEvent>
  readonly #roomId: string
  readonly #rules: RoomVersionRules

  constructor(roomId: string, rules: RoomVersionRules, tips: readonly RoomEvent[], state: ReadonlyMap<string, RoomEvent>) {
    this.#roomId = roomId
    this.#rules = rules
    this.tips = tips
    this.state = state
  }

  /** The next event on this branch, and the branch with it. Not checked: hostile servers send what they like. */
  next(
    sender: string,
    type: string,
    content: JsonObject,
    stateKey?: string,
    redacts?: string,
  ): { readonly event: RoomEvent; readonly branch: RemoteBranch } {
    const auth = authTypesFor({ type, sender, content, stateKey }, this.#rules).flatMap(
      ([authType, authKey]) => this.state.get(`${authType}\u0000${authKey}`) ?? [],
    )
    made += 1
    const event = createEvent(
      {
        roomId: this.#roomId,
        // Chosen in versions 1 and 2.
        eventId: `$made${made}:${sender.slice(sender.indexOf(':') + 1)}`,
        type,
        stateKey,
        sender,
        content,
        originServerTs: 2000,
        depth: Math.max(0, ...this.tips.map(({ depth }) => depth)) + 1,
        redacts,
        prevEvents: this.tips.map(({ eventId }) => eventId),
        authEvents: [...new Set(auth.map(({ eventId }) => eventId))],
        referenceHashes: referenceHashesOf([...this.tips, ...auth], this.#rules),
      },
      this.#rules,
      createSigner(sender.slice(sender.indexOf(':') + 1), 'ed25519:test', new Uint8Array(32).fill(5)),
    )
    const state = new Map(this.state)
    if (stateKey !== undefined) state.set(`${type}\u0000${stateKey}`, event)
    return { event, branch: new RemoteBranch(this.#roomId, this.#rules, [event], state) }
  }

  /** The branch with an event that was made elsewhere. */
  with(event: RoomEvent): RemoteBranch {
    const state = new Map(this.state)
    if (event.stateKey !== undefined) state.set(`${event.type}\u0000${event.stateKey}`, event)
    return new RemoteBranch(this.#roomId, this.#rules, [event], state)
  }

  /** The same state without anything to build on. */
  cutOff(): RemoteBranch {
    return new RemoteBranch(this.#roomId, this.#rules, [], this.state)
  }

  /** A branch that builds on this one and another; the caller says which state it claims. */
  mergedWith(other: RemoteBranch, state: ReadonlyMap<string, RoomEvent> = this.state): RemoteBranch {
    return new RemoteBranch(this.#roomId, this.#rules, [...this.tips, ...other.tips], state)
  }
}
