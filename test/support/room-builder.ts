import { encodeBase64 } from '../../src/matrix/base64.ts'
import { sha256 } from '../../src/matrix/crypto.ts'
import { createEvent, type EventDraft } from '../../src/matrix/events/create-event.ts'
import { referenceHash } from '../../src/matrix/events/event-hashes.ts'
import type { EventId, RoomEvent } from '../../src/matrix/events/room-event.ts'
import { serverNameOf } from '../../src/matrix/ids/server-name.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { createSigner, type EventSigner, publicKeyOfSeed } from '../../src/matrix/signing.ts'
import { authTypesFor } from '../../src/state-resolution/auth/auth-types.ts'
import { type AuthState, checkAuth, type Verdict } from '../../src/state-resolution/auth/check-auth.ts'
import {
  type EventLookup,
  resolveState,
  type StateMap,
  type StateMapKey,
  stateMapKey,
  stateMapKeyOf,
} from '../../src/state-resolution/index.ts'

/*
 * Rooms made of real events (hashed, identified, on request signed) for tests of pure rules. Nothing here reads a clock or a random source:
 * the same calls give the same events.
 */

/** The rules of a version that exists. */
export function rulesOf(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(`no room version ${version}`)
  return rules
}

/** A signer whose key is derived from the server's name. */
export function signerOf(serverName: string): EventSigner {
  return createSigner(serverName, 'ed25519:test', seedOf(serverName))
}

/** The public key of {@link signerOf}, in Base64. */
export function publicKeyOf(serverName: string): string {
  return encodeBase64(publicKeyOfSeed(seedOf(serverName)))
}

function seedOf(serverName: string): Uint8Array {
  return sha256(`seed of ${serverName}`)
}

/** A signer that does not sign: much faster, for tests that look at no signatures. */
function unsignedBy(serverName: string): EventSigner {
  return { serverName, keyId: 'ed25519:none', sign: () => new Uint8Array(64) }
}

export interface RoomOptions {
  readonly version?: string
  /** Creates and joins the room, and has level 100 (version 12: infinite). Default `@creator:one.test`. */
  readonly creator?: string
  /** Added to the content of the create event. */
  readonly creation?: JsonObject
  /** Default `public`; `null` for none. */
  readonly joinRule?: string | null
  /** Content of the first power-levels event, or changes to it; `null` for none. */
  readonly powerLevels?: JsonObject | null
  /** Whether events carry real signatures of their senders' servers. */
  readonly signed?: boolean
}

/** What of an event a test chooses; the rest follows from the branch. */
export interface EventChoice {
  readonly type: string
  readonly sender: string
  readonly stateKey?: string | undefined
  readonly content?: JsonObject
  readonly redacts?: EventId
  /** Milliseconds; by default each event of the room is one second later than the last one made. */
  readonly originServerTs?: number
  /** Instead of those that the selection algorithm finds in the state before the event. */
  readonly authEvents?: readonly RoomEvent[]
  readonly prevEvents?: readonly RoomEvent[]
}

/** The events of one room, shared by its branches. */
export class RoomEvents {
  readonly rules: RoomVersionRules
  readonly events = new Map<EventId, RoomEvent>()
  readonly rejected = new Set<EventId>()
  readonly #signed: boolean
  readonly #signers = new Map<string, EventSigner>()
  #made = 0

  constructor(rules: RoomVersionRules, signed: boolean) {
    this.rules = rules
    this.#signed = signed
  }

  /** For resolution. */
  get lookup(): EventLookup {
    return { get: (id) => this.events.get(id), isRejected: (id) => this.rejected.has(id) }
  }

  get(id: EventId): RoomEvent {
    const event = this.events.get(id)
    if (event === undefined) throw new Error(`no event ${id}`)
    return event
  }

  /** Makes an event of whatever kind, without asking any rule. */
  make(draft: Omit<EventDraft, 'originServerTs' | 'eventId' | 'referenceHashes'> & { originServerTs?: number | undefined }): RoomEvent {
    this.#made += 1
    const serverName = serverNameOf(draft.sender) ?? 'nowhere.test'
    const event = createEvent(
      {
        ...draft,
        originServerTs: draft.originServerTs ?? 1_000_000_000_000 + this.#made * 1000,
        eventId: `$${this.#made}:${serverName}`,
        referenceHashes: new Map(
          [...draft.prevEvents, ...draft.authEvents].flatMap((id) => {
            const cited = this.events.get(id)
            return cited === undefined ? [] : [[id, encodeBase64(referenceHash(cited.pdu, this.rules))] as const]
          }),
        ),
      },
      this.rules,
      this.#signer(serverName),
    )
    this.events.set(event.eventId, event)
    return event
  }

  /** An {@link AuthState} of a state map. */
  authState(state: StateMap): AuthState {
    const find = (key: StateMapKey) => {
      const id = state.get(key)
      return id === undefined ? undefined : this.events.get(id)
    }
    return { get: (type, key) => find(stateMapKey(type, key)), create: find(stateMapKey('m.room.create', '')) }
  }

  #signer(serverName: string): EventSigner {
    const known = this.#signers.get(serverName)
    if (known !== undefined) return known
    const signer = this.#signed ? signerOf(serverName) : unsignedBy(serverName)
    this.#signers.set(serverName, signer)
    return signer
  }
}

/** A line of the room's history: the events at its end, and the state after them. Grows by every call; {@link fork} starts another one. */
export class RoomBranch {
  readonly room: RoomEvents
  readonly roomId: string
  readonly create: RoomEvent
  #heads: readonly RoomEvent[]
  #state: Map<StateMapKey, EventId>

  constructor(room: RoomEvents, create: RoomEvent, heads: readonly RoomEvent[], state: StateMap) {
    this.room = room
    this.create = create
    this.roomId = create.roomId
    this.#heads = heads
    this.#state = new Map(state)
  }

  get rules(): RoomVersionRules {
    return this.room.rules
  }

  /** The last event. */
  get last(): RoomEvent {
    const event = this.#heads.at(-1)
    if (event === undefined) throw new Error('an empty branch')
    return event
  }

  /** The state after the last event: a copy. */
  get state(): StateMap {
    return new Map(this.#state)
  }

  /** The state event of a type and state key, if there is one. */
  find(type: string, stateKey = ''): RoomEvent | undefined {
    const id = this.#state.get(stateMapKey(type, stateKey))
    return id === undefined ? undefined : this.room.get(id)
  }

  /** An event that would come next, whether or not the rules allow it. It is known to the room, but not part of the branch. */
  draft(choice: EventChoice): RoomEvent {
    const content = choice.content ?? {}
    const { type, sender, stateKey } = choice
    const selected = authTypesFor({ type, sender, stateKey, content }, this.rules).flatMap(([t, k]) => this.find(t, k) ?? [])
    const prev = choice.prevEvents ?? this.#heads
    return this.room.make({
      roomId: this.roomId,
      type,
      sender,
      stateKey,
      content,
      originServerTs: choice.originServerTs,
      depth: Math.max(0, ...prev.map((event) => event.depth)) + 1,
      prevEvents: prev.map((event) => event.eventId),
      authEvents: (choice.authEvents ?? selected).map((event) => event.eventId),
      redacts: choice.redacts,
    })
  }

  /** What the rules say of an event in the state of this branch. */
  verdictOn(event: RoomEvent): Verdict {
    return checkAuth(event, this.room.authState(this.#state), this.rules)
  }

  /** Adds an event that the rules allow. */
  send(choice: EventChoice): RoomEvent {
    const event = this.draft(choice)
    const verdict = this.verdictOn(event)
    if (!verdict.allowed) throw new Error(`${verdict.rule}: ${verdict.message}`)
    this.append(event)
    return event
  }

  /** Adds an event without asking the rules. */
  append(event: RoomEvent): this {
    const key = stateMapKeyOf(event)
    if (key !== undefined) this.#state.set(key, event.eventId)
    this.#heads = [event]
    return this
  }

  /** Adds a state event. */
  set(sender: string, type: string, content: JsonObject, stateKey = ''): this {
    this.send({ type, sender, stateKey, content })
    return this
  }

  joinedBy(...users: string[]): this {
    for (const user of users) this.set(user, 'm.room.member', { membership: 'join' }, user)
    return this
  }

  leftBy(...users: string[]): this {
    for (const user of users) this.set(user, 'm.room.member', { membership: 'leave' }, user)
    return this
  }

  invited(by: string, user: string): this {
    return this.set(by, 'm.room.member', { membership: 'invite' }, user)
  }

  banned(by: string, user: string): this {
    return this.set(by, 'm.room.member', { membership: 'ban' }, user)
  }

  kicked(by: string, user: string): this {
    return this.set(by, 'm.room.member', { membership: 'leave' }, user)
  }

  joinRule(by: string, joinRule: string): this {
    return this.set(by, 'm.room.join_rules', { join_rule: joinRule })
  }

  /** Changes entries of the power-levels event; entries of `users` and `events` are merged with those in force. */
  powerLevels(by: string, changes: JsonObject): this {
    const current = this.find('m.room.power_levels')?.content ?? {}
    return this.set(by, 'm.room.power_levels', {
      ...current,
      ...changes,
      users: { ...asObject(current.users), ...asObject(changes.users) },
      events: { ...asObject(current.events), ...asObject(changes.events) },
    })
  }

  says(by: string, body = 'hello'): RoomEvent {
    return this.send({ type: 'm.room.message', sender: by, content: { msgtype: 'm.text', body } })
  }

  /** Another branch that starts where this one is now. */
  fork(): RoomBranch {
    return new RoomBranch(this.room, this.create, this.#heads, this.#state)
  }

  /** Joins other branches into this one: their heads become previous events of the next event, their states are resolved. */
  merge(...others: RoomBranch[]): this {
    this.#state = new Map(resolveState([this.#state, ...others.map((other) => other.#state)], this.room.lookup, this.rules))
    const heads = [this, ...others].flatMap((branch) => branch.#heads)
    this.#heads = [...new Map(heads.map((event) => [event.eventId, event])).values()]
    return this
  }
}

/** A new room with its creator joined, power levels and a join rule. */
export function aRoom(options: RoomOptions = {}): RoomBranch {
  const { version = '11', creator = '@creator:one.test', joinRule = 'public', signed = false } = options
  const rules = rulesOf(version)
  const room = new RoomEvents(rules, signed)
  const create = room.make({
    roomId: rules.roomIdIsCreateHash ? undefined : `!room:${serverNameOf(creator) ?? ''}`,
    type: 'm.room.create',
    stateKey: '',
    sender: creator,
    content: { room_version: version, ...(rules.implicitCreator ? {} : { creator }), ...options.creation },
    depth: 1,
    prevEvents: [],
    authEvents: [],
  })
  const branch = new RoomBranch(room, create, [create], new Map([[stateMapKey('m.room.create', ''), create.eventId]]))
  branch.joinedBy(creator)
  if (options.powerLevels !== null) {
    const users = rules.privilegedCreators ? {} : { [creator]: 100 }
    branch.set(creator, 'm.room.power_levels', { ...options.powerLevels, users: { ...users, ...asObject(options.powerLevels?.users) } })
  }
  if (joinRule !== null) branch.joinRule(creator, joinRule)
  return branch
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}
