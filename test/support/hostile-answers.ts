import { cosignPdu } from '../../src/matrix/events/create-event.ts'
import type { RoomEvent } from '../../src/matrix/events/room-event.ts'
import { isJsonObject, type JsonObject } from '../../src/matrix/json.ts'
import type { HostilePeer } from './hostile-peer.ts'
import type { HostileRoom } from './hostile-room.ts'
import { bodyOf, type HostileRequest } from './hostile-server.ts'

type Answer = (peer: HostilePeer, request: HostileRequest, ...parts: string[]) => JsonObject | undefined

/** Most events in one answer about the graph. */
const MAX_EVENTS = 100

/** What an honest server answers about the rooms that it has; 404 to everything else. */
export function honestAnswer(peer: HostilePeer, request: HostileRequest): Response {
  for (const [method, pattern, answer] of ANSWERS) {
    const match = method === request.method ? pattern.exec(request.path) : null
    const body = match === null ? undefined : answer(peer, request, ...match.slice(1).map(decodeURIComponent))
    if (body !== undefined) return Response.json(body)
  }
  return Response.json({ errcode: 'M_NOT_FOUND', error: 'not here' }, { status: 404 })
}

const ANSWERS: readonly (readonly [string, RegExp, Answer])[] = [
  ['GET', /^\/_matrix\/key\/v2\/server/, (peer) => peer.keyDocument()],
  ['GET', /^\/_matrix\/federation\/v1\/version$/, () => ({ server: { name: 'Hostile', version: '0' } })],
  [
    'PUT',
    /\/v1\/send\/[^/]+$/,
    (peer, request) => {
      peer.takeTransaction(request)
      return { pdus: {} }
    },
  ],
  [
    'GET',
    /\/v1\/make_(join|leave|knock)\/([^/]+)\/([^/]+)$/,
    (peer, _request, action = '', roomId = '', userId = '') => {
      const room = peer.rooms.get(roomId)
      return room && { room_version: room.rules.version, event: templateOf(room, action, userId) }
    },
  ],
  [
    'PUT',
    /\/v2\/send_(join|leave)\/([^/]+)\/[^/]+$/,
    (peer, request, action = '', roomId = '') => {
      const room = peer.rooms.get(roomId)
      return room && sent(peer, room, action, bodyOf(request))
    },
  ],
  [
    'PUT',
    /\/v1\/send_knock\/([^/]+)\/[^/]+$/,
    (peer, request, roomId = '') => {
      peer.rooms.get(roomId)?.take(bodyOf(request))
      return { knock_room_state: [] }
    },
  ],
  [
    'PUT',
    /\/v2\/invite\/([^/]+)\/[^/]+$/,
    (peer, request) => {
      const { event, room_version } = bodyOf(request)
      return isJsonObject(event) ? { event: cosignPdu(event, peer.rulesOf(String(room_version)), peer.signer) } : undefined
    },
  ],
  [
    'GET',
    /\/v1\/event\/([^/]+)$/,
    (peer, _request, eventId = '') => {
      const event = [...peer.rooms.values()].map((room) => room.events.get(eventId)).find((found) => found !== undefined)
      return event && transactionOf(peer, [event])
    },
  ],
  [
    'GET',
    /\/v1\/state_ids\/([^/]+)$/,
    (peer, request, roomId = '') => {
      const found = stateAt(peer, roomId, request)
      return found && { pdu_ids: found.state.map(({ eventId }) => eventId), auth_chain_ids: found.chain.map(({ eventId }) => eventId) }
    },
  ],
  [
    'GET',
    /\/v1\/state\/([^/]+)$/,
    (peer, request, roomId = '') => {
      const found = stateAt(peer, roomId, request)
      return found && { pdus: found.state.map(({ pdu }) => pdu), auth_chain: found.chain.map(({ pdu }) => pdu) }
    },
  ],
  [
    'GET',
    /\/v1\/event_auth\/([^/]+)\/([^/]+)$/,
    (peer, _request, roomId = '', eventId = '') => {
      const room = peer.rooms.get(roomId)
      const event = room?.events.get(eventId)
      return room && event && { auth_chain: room.authChain([event]).map(({ pdu }) => pdu) }
    },
  ],
  [
    'GET',
    /\/v1\/backfill\/([^/]+)$/,
    (peer, request, roomId = '') => {
      const query = queryOf(request)
      const room = peer.rooms.get(roomId)
      return room && transactionOf(peer, walkBack(room, query.getAll('v'), new Set(), Number(query.get('limit') ?? 10)))
    },
  ],
  [
    'POST',
    /\/v1\/get_missing_events\/([^/]+)$/,
    (peer, request, roomId = '') => {
      const room = peer.rooms.get(roomId)
      const { earliest_events, latest_events, limit } = bodyOf(request)
      const latest = strings(latest_events).flatMap((id) => room?.events.get(id)?.prevEvents ?? [])
      const found = room && walkBack(room, latest, new Set(strings(earliest_events)), Number(limit ?? 10))
      return found && { events: found.reverse().map(({ pdu }) => pdu) }
    },
  ],
]

function templateOf(room: HostileRoom, action: string, userId: string): JsonObject {
  const { pdu } = room.draft({ sender: userId, type: 'm.room.member', stateKey: userId, content: { membership: action } })
  const { hashes: _hashes, signatures: _signatures, ...template } = pdu
  return template
}

function sent(peer: HostilePeer, room: HostileRoom, action: string, pdu: JsonObject): JsonObject {
  const state = [...room.line.state.values()]
  const event = room.take(pdu)
  if (action === 'leave') return {}
  return {
    origin: peer.serverName,
    event: event.pdu,
    members_omitted: false,
    state: state.map((one) => one.pdu),
    auth_chain: room.authChain([...state, event]).map((one) => one.pdu),
  }
}

function transactionOf(peer: HostilePeer, events: readonly RoomEvent[]): JsonObject {
  return { origin: peer.serverName, origin_server_ts: peer.now(), pdus: events.map(({ pdu }) => pdu) }
}

function stateAt(peer: HostilePeer, roomId: string, request: HostileRequest): { state: RoomEvent[]; chain: RoomEvent[] } | undefined {
  const room = peer.rooms.get(roomId)
  const before = room?.before.get(queryOf(request).get('event_id') ?? '')
  if (room === undefined || before === undefined) return undefined
  const state = [...before.values()]
  return { state, chain: room.authChain(state) }
}

/** Events from some back, the deepest first. */
function walkBack(room: HostileRoom, starts: readonly string[], stop: ReadonlySet<string>, limit: number): RoomEvent[] {
  const found = new Map<string, RoomEvent>()
  const open = [...starts]
  while (open.length > 0 && found.size < Math.min(limit, MAX_EVENTS)) {
    const event = room.events.get(open.shift() ?? '')
    if (event === undefined || found.has(event.eventId) || stop.has(event.eventId)) continue
    found.set(event.eventId, event)
    open.push(...event.prevEvents)
  }
  return [...found.values()]
}

function queryOf({ uri }: HostileRequest): URLSearchParams {
  return new URLSearchParams(uri.split('?')[1] ?? '')
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
