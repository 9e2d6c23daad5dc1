import { createEvent } from '../../src/matrix/events/create-event.ts'
import { parsePdu } from '../../src/matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import type { EventSigner } from '../../src/matrix/signing.ts'
import { authTypesFor } from '../../src/state-resolution/auth/auth-types.ts'

/** One line of a room's history: what the next event builds on, and the state there. Immutable: forking is keeping an old one. */
export interface Line {
  readonly tips: readonly RoomEvent[]
  readonly state: ReadonlyMap<string, RoomEvent>
}

/** An event as a test wants it. Whatever is not said is as an honest server would have it; nothing is checked. */
export interface Choice {
  readonly sender: string
  readonly type: string
  readonly content: JsonObject
  readonly stateKey?: string
  readonly redacts?: string
  /** Where the origin chooses it (room versions 1 and 2). */
  readonly eventId?: string
  readonly prevEvents?: readonly string[]
  readonly authEvents?: readonly string[]
  readonly depth?: number
  /** Milliseconds; by default each event of the room is a second later than the one before. */
  readonly originServerTs?: number
  /** Who signs it instead of the server of the room's keeper. */
  readonly signer?: EventSigner
}

/** Key of a piece of state. */
export const stateKeyOf = (type: string, stateKey = ''): string => `${type}\u0000${stateKey}`

/** A room as a server holds it that may lie about it: all events that it has made or seen, and the state before each. */
export class HostileRoom {
  readonly roomId: string
  readonly rules: RoomVersionRules
  readonly events = new Map<string, RoomEvent>()
  readonly before = new Map<string, ReadonlyMap<string, RoomEvent>>()
  /** Where the server itself writes on. */
  line: Line = { tips: [], state: new Map() }
  readonly #signer: EventSigner
  #lastTs: number

  constructor(roomId: string, rules: RoomVersionRules, signer: EventSigner, nowMs: number) {
    this.roomId = roomId
    this.rules = rules
    this.#signer = signer
    this.#lastTs = nowMs - 100_000
  }

  /** Founds a room whose creator has joined. */
  static found(rules: RoomVersionRules, signer: EventSigner, creator: string, nowMs: number, founding: JsonObject = {}): HostileRoom {
    const create = createEvent(
      {
        roomId: rules.roomIdIsCreateHash ? undefined : `!${nowMs.toString(36)}${counter++}:${signer.serverName}`,
        eventId: chosenId(signer),
        type: 'm.room.create',
        stateKey: '',
        sender: creator,
        content: { room_version: rules.version, n: counter++, ...(rules.implicitCreator ? {} : { creator }), ...founding },
        originServerTs: nowMs - 100_001,
        depth: 1,
        prevEvents: [],
        authEvents: [],
      },
      rules,
      signer,
    )
    const room = new HostileRoom(create.roomId, rules, signer, nowMs)
    room.#keep(create, new Map())
    room.line = { tips: [create], state: new Map([[stateKeyOf('m.room.create'), create]]) }
    room.state(creator, 'm.room.member', creator, { membership: 'join' })
    room.state(creator, 'm.room.power_levels', '', { users: rules.privilegedCreators ? {} : { [creator]: 100 } })
    room.state(creator, 'm.room.join_rules', '', { join_rule: 'public' })
    return room
  }

  /** The next event on a line, and the line with it. Known to the room, but part of no line of its own. */
  next(line: Line, choice: Choice): { readonly event: RoomEvent; readonly line: Line } {
    const { sender, type, content, stateKey, redacts } = choice
    this.#lastTs += 1000
    const auth = authTypesFor({ type, sender, content, stateKey }, this.rules).flatMap(
      ([authType, authKey]) => line.state.get(stateKeyOf(authType, authKey))?.eventId ?? [],
    )
    const prevEvents = choice.prevEvents ?? line.tips.map(({ eventId }) => eventId)
    const authEvents = choice.authEvents ?? [...new Set(auth)]
    const event = createEvent(
      {
        roomId: this.roomId,
        eventId: choice.eventId ?? chosenId(choice.signer ?? this.#signer),
        // What is referred to need not exist.
        referenceHashes: new Map([...prevEvents, ...authEvents].map((id) => [id, null])),
        type,
        stateKey,
        sender,
        content,
        redacts,
        originServerTs: choice.originServerTs ?? this.#lastTs,
        depth: choice.depth ?? Math.max(0, ...line.tips.map(({ depth }) => depth)) + 1,
        prevEvents,
        authEvents,
      },
      this.rules,
      choice.signer ?? this.#signer,
    )
    this.#keep(event, line.state)
    return { event, line: after(line, event) }
  }

  /** The next event on the server's own line. */
  write(choice: Choice): RoomEvent {
    const { event, line } = this.next(this.line, choice)
    this.line = line
    return event
  }

  /** A message on the server's own line. */
  says(sender: string, body: string): RoomEvent {
    return this.write({ sender, type: 'm.room.message', content: { msgtype: 'm.text', body } })
  }

  /** A state event on the server's own line. */
  state(sender: string, type: string, stateKey: string, content: JsonObject): RoomEvent {
    return this.write({ sender, type, stateKey, content })
  }

  /** An event that would come next on the server's own line, which stays where it is. */
  draft(choice: Choice): RoomEvent {
    return this.next(this.line, choice).event
  }

  /** Takes in an event that somebody else has made, at the end of the server's own line. */
  take(pdu: JsonObject): RoomEvent {
    const event = this.parse(pdu)
    if (this.events.has(event.eventId)) return event
    this.#keep(event, this.line.state)
    const rest = this.line.tips.filter(({ eventId }) => !event.prevEvents.includes(eventId))
    this.line = { ...after(this.line, event), tips: [...rest, event] }
    return event
  }

  /** An event of this room. @throws Error where it is none. */
  parse(pdu: JsonObject): RoomEvent {
    const parsed = parsePdu(pdu, this.rules, this.roomId)
    if (!parsed.ok) throw new Error(parsed.reason)
    return parsed.event
  }

  /** Keeps an event without a place on any line: state that another server has told. */
  keep(pdu: JsonObject): RoomEvent {
    const event = this.parse(pdu)
    if (!this.events.has(event.eventId)) this.#keep(event, new Map())
    return event
  }

  /** Everything that some events rest on. */
  authChain(events: Iterable<RoomEvent>): RoomEvent[] {
    const chain = new Map<string, RoomEvent>()
    const open = [...events]
    for (let event = open.pop(); event !== undefined; event = open.pop()) {
      for (const id of event.authEvents) {
        const found = this.events.get(id)
        if (found === undefined || chain.has(id)) continue
        chain.set(id, found)
        open.push(found)
      }
    }
    const create = this.line.state.get(stateKeyOf('m.room.create'))
    if (create !== undefined) chain.set(create.eventId, create)
    return [...chain.values()]
  }

  #keep(event: RoomEvent, before: ReadonlyMap<string, RoomEvent>): void {
    this.events.set(event.eventId, event)
    this.before.set(event.eventId, before)
  }
}

let counter = 0

/** An ID that no event has had. */
function chosenId(signer: EventSigner): string {
  return `$chosen${counter++}:${signer.serverName}`
}

function after(line: Line, event: RoomEvent): Line {
  if (event.stateKey === undefined) return { tips: [event], state: line.state }
  return { tips: [event], state: new Map([...line.state, [stateKeyOf(event.type, event.stateKey), event]]) }
}
