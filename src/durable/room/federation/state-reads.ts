import { forbidden, notFound, tooLarge } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { createIdOfRoom } from '../../../state-resolution/auth/auth-events.ts'
import { type StoredEvent, toPdu } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_AUTH_CHAIN, MAX_PDUS_PER_CALL } from './limits.ts'
import { requireServerInRoom } from './server-access.ts'

/** The state before an event and what authorizes it, by ID. */
export interface StateIds {
  readonly state: readonly string[]
  readonly authChain: readonly string[]
}

/**
 * The state before an event, for another server (server-server-api `GET /state_ids/{roomId}`).
 * @throws MatrixError M_FORBIDDEN for servers that are not in the room; M_NOT_FOUND for events without a place in the graph.
 */
export function stateIdsForServer(core: RoomCore, serverName: string, eventId: string): StateIds {
  requireServerInRoom(core, serverName)
  if (core.partial.current !== undefined) throw forbidden('The state of the room is not known here yet')
  const event = core.events.findById(eventId)
  if (event === undefined || event.status !== 'accepted') throw notFound('Event not found')
  // A state that is not whole is nobody else's business: they would take it for the truth.
  if (!core.groups.isComplete(event.groupBefore)) throw notFound('The state before the event is not known')
  return stateIdsOf(core, event.groupBefore)
}

/** The auth chain of an event by ID, for another server (server-server-api `GET /event_auth/{roomId}/{eventId}`). */
export function eventAuthForServer(core: RoomCore, serverName: string, eventId: string): string[] {
  requireServerInRoom(core, serverName)
  const event = core.events.findById(eventId)
  if (event === undefined || event.status !== 'accepted') throw notFound('Event not found')
  return authChainOf(core, [event])
}

/** A stored state and its auth chain. */
export function stateIdsOf(core: RoomCore, group: number): StateIds {
  const state = core.events.getMany([...core.groups.all(group).values()])
  return { state: state.map(({ eventId }) => eventId), authChain: authChainOf(core, state) }
}

/**
 * Everything that some events rest on, each after what it rests on itself, the events excluded unless others rest on them.
 * @throws MatrixError M_TOO_LARGE beyond {@link MAX_AUTH_CHAIN} events.
 */
export function authChainOf(core: RoomCore, events: readonly StoredEvent[]): string[] {
  const chain: string[] = []
  const seen = new Set<string>()
  // Depth first, so that an event follows its own auth events; on a stack of its own, because chains are deep.
  const stack: { readonly eventId: string | undefined; readonly rest: string[] }[] = events.map((event) => ({
    eventId: undefined,
    rest: authEventsOf(core, event),
  }))
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.rest.pop()
    if (next === undefined) {
      if (top.eventId !== undefined) chain.push(top.eventId)
      stack.pop()
    } else if (!seen.has(next)) {
      seen.add(next)
      if (seen.size > MAX_AUTH_CHAIN) throw tooLarge('The auth chain is too long')
      const event = core.events.findById(next)
      if (event !== undefined) stack.push({ eventId: next, rest: authEventsOf(core, event) })
    }
  }
  return chain
}

/** What an event rests on. From version 12 on events rest on the create event without citing it. */
function authEventsOf(core: RoomCore, event: StoredEvent): string[] {
  const { authEvents } = core.roomEvent(event, core.roomId)
  const implied = core.rules.roomIdIsCreateHash && event.type !== 'm.room.create'
  return implied ? [...authEvents, createIdOfRoom(core.roomId)] : [...authEvents]
}

/**
 * PDUs of a state or an auth chain that was answered before, as JSON text joined by commas. State is not subject to history visibility: a server in the room
 * needs it to check anything. Unknown IDs are left out. The Worker asks only for IDs that this object has just named to the same server.
 * @throws MatrixError M_TOO_LARGE for more than {@link MAX_PDUS_PER_CALL}.
 */
export function pdusById(core: RoomCore, eventIds: readonly string[]): string {
  if (eventIds.length > MAX_PDUS_PER_CALL) throw tooLarge(`At most ${MAX_PDUS_PER_CALL} events at a time`)
  const pdus: JsonObject[] = eventIds.flatMap((eventId) => {
    const event = core.events.findById(eventId)
    return event === undefined ? [] : [toPdu(event, core.roomId)]
  })
  return pdus.map((pdu) => JSON.stringify(pdu)).join(',')
}
