import type { EventId, RoomEvent } from '../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { AuthChains, NO_PROGRESS, type OrderedChains } from '../../src/state-resolution/resolve/auth-chains.ts'
import type { AuthGraph } from '../../src/state-resolution/resolve/auth-graph.ts'
import { EventReader } from '../../src/state-resolution/resolve/event-lookup.ts'
import { Budget, type Slice } from '../../src/state-resolution/resolve/slice.ts'
import { rulesOf } from './room-builder.ts'

/** An event of which a test says only what it is about; IDs are whatever the test likes. */
export interface TinyEvent {
  readonly type?: string
  readonly stateKey?: string
  readonly sender?: string
  readonly content?: JsonObject
  readonly ts?: number
  readonly depth?: number
  readonly auth?: readonly EventId[]
}

/** Events by ID, with neither hashes nor signatures. */
export function tinyEvents(events: Readonly<Record<EventId, TinyEvent>>): Map<EventId, RoomEvent> {
  return new Map(Object.entries(events).map(([eventId, event]) => [eventId, tinyEvent(eventId, event)]))
}

function tinyEvent(
  eventId: EventId,
  { type = 'test.state', stateKey = '', sender = '@a:x.test', content = {}, ...rest }: TinyEvent,
): RoomEvent {
  return {
    eventId,
    roomId: '!room:x.test',
    type,
    stateKey,
    sender,
    content,
    originServerTs: rest.ts ?? 0,
    depth: rest.depth ?? 1,
    prevEvents: [],
    authEvents: rest.auth ?? [],
    redacts: undefined,
    pdu: {},
  }
}

/** A slice over such events, by default without end. */
export function sliceOver(
  events: ReadonlyMap<EventId, RoomEvent>,
  { rules = rulesOf('11'), budget = Number.POSITIVE_INFINITY }: { rules?: RoomVersionRules; budget?: number } = {},
): Slice {
  return { reader: new EventReader({ get: (id) => events.get(id), isRejected: () => false }), rules, budget: new Budget(budget) }
}

/** The auth chains of some events, read to the end. */
export function chainsOf(graph: AuthGraph, ids: readonly EventId[], slice: Slice): OrderedChains {
  for (const id of ids) graph.number(id)
  const work = new AuthChains(NO_PROGRESS, graph)
  if (!work.advance(slice)) throw new Error('the budget was too small')
  return work.chains()
}
