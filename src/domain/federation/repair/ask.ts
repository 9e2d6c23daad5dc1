import type { BoundedBody } from '../../../federation/outbound/bounded-body.ts'
import { jsonBody } from '../../../federation/outbound/client.ts'
import { JsonPieceReader } from '../../../federation/outbound/json-pieces.ts'
import { outboundOf } from '../../../federation/outbound/outbound.ts'
import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import { parseStrictJson } from '../../../matrix/strict-json.ts'
import { JOIN_ANSWER_TIMEOUT_MS, MAX_JOIN_ANSWER_BYTES } from '../limits.ts'
import {
  ASK_STATE_TIMEOUT_MS,
  ASK_TIMEOUT_MS,
  BACKFILL_EVENTS,
  MAX_EVENT_BYTES,
  MAX_ID_BYTES,
  MAX_IDS_BYTES,
  MAX_IDS_MEMBER_BYTES,
  MAX_PAGE_BYTES,
  MAX_STATE_BYTES,
  MAX_STATE_IDS,
  MISSING_EVENTS_PER_ROUND,
} from './limits.ts'
import type { RepairContext } from './repair-context.ts'

const ID_LISTS: ReadonlySet<string> = new Set(['pdu_ids', 'auth_chain_ids'])

/*
 * What other servers are asked for to complete a room. All answers are claims: nothing in them has been verified. @throws OutboundError.
 */

/** Events between what is here and some that wait (server-server-api `POST /get_missing_events/{roomId}`). */
export async function askMissingEvents(
  ctx: RepairContext,
  serverName: string,
  earliest: readonly string[],
  latest: readonly string[],
): Promise<JsonObject[]> {
  const answer = await outboundOf(ctx.env).client.json(serverName, {
    method: 'POST',
    path: `/_matrix/federation/v1/get_missing_events/${encodeURIComponent(ctx.roomId)}`,
    canonicalBody: jsonBody({ earliest_events: earliest, latest_events: latest, limit: MISSING_EVENTS_PER_ROUND, min_depth: 0 }),
    timeoutMs: ASK_TIMEOUT_MS,
    maxBytes: MAX_PAGE_BYTES,
  })
  return objectsIn(answer.events).slice(0, MISSING_EVENTS_PER_ROUND)
}

/** History from some events back, they included (server-server-api `GET /backfill/{roomId}`). */
export async function askBackfill(ctx: RepairContext, serverName: string, eventIds: readonly string[]): Promise<JsonObject[]> {
  const events = eventIds.map((eventId) => `v=${encodeURIComponent(eventId)}`).join('&')
  const path = `/_matrix/federation/v1/backfill/${encodeURIComponent(ctx.roomId)}?${events}&limit=${BACKFILL_EVENTS}`
  const answer = await get(ctx, serverName, path, ASK_TIMEOUT_MS, MAX_PAGE_BYTES)
  return objectsIn(answer.pdus).slice(0, 2 * BACKFILL_EVENTS)
}

/** IDs of the state before an event and of its auth chain (server-server-api `GET /state_ids/{roomId}`), read as they arrive: those of large rooms are very many. */
export async function askStateIds(
  ctx: RepairContext,
  serverName: string,
  eventId: string,
): Promise<{ readonly state: readonly string[]; readonly authChain: readonly string[] }> {
  const path = `/_matrix/federation/v1/state_ids/${encodeURIComponent(ctx.roomId)}?event_id=${encodeURIComponent(eventId)}`
  const request = { method: 'GET', path, timeoutMs: ASK_STATE_TIMEOUT_MS, maxBytes: MAX_IDS_BYTES } as const
  const body = await outboundOf(ctx.env).client.open(serverName, request)
  const reader = new JsonPieceReader({ streamed: ID_LISTS, maxElementBytes: MAX_ID_BYTES, maxMemberBytes: MAX_IDS_MEMBER_BYTES })
  const [state, authChain] = [new Set<string>(), new Set<string>()]
  for await (const chunk of body.chunks()) {
    for (const { name, text, isElement } of reader.push(chunk)) {
      const parsed = isElement ? parseStrictJson(text) : undefined
      if (parsed?.ok === true && typeof parsed.value === 'string') (name === 'pdu_ids' ? state : authChain).add(parsed.value)
      if (state.size + authChain.size > MAX_STATE_IDS) throw new OutboundError('too_large', 'the state has too many events')
    }
  }
  reader.end()
  return { state: [...state], authChain: [...authChain] }
}

/** The state before an event and its auth chain, whole (server-server-api `GET /state/{roomId}`). */
export async function askState(ctx: RepairContext, serverName: string, eventId: string): Promise<JsonObject[]> {
  const path = `/_matrix/federation/v1/state/${encodeURIComponent(ctx.roomId)}?event_id=${encodeURIComponent(eventId)}`
  const answer = await get(ctx, serverName, path, ASK_STATE_TIMEOUT_MS, MAX_STATE_BYTES)
  return [...objectsIn(answer.auth_chain), ...objectsIn(answer.pdus)]
}

/** The same, to be read as it arrives. */
export function openState(ctx: RepairContext, serverName: string, eventId: string): Promise<BoundedBody> {
  const path = `/_matrix/federation/v1/state/${encodeURIComponent(ctx.roomId)}?event_id=${encodeURIComponent(eventId)}`
  return outboundOf(ctx.env).client.open(serverName, {
    method: 'GET',
    path,
    timeoutMs: JOIN_ANSWER_TIMEOUT_MS,
    maxBytes: MAX_JOIN_ANSWER_BYTES,
  })
}

/** The auth chain of an event (server-server-api `GET /event_auth/{roomId}/{eventId}`). */
export async function askEventAuth(ctx: RepairContext, serverName: string, eventId: string): Promise<JsonObject[]> {
  const path = `/_matrix/federation/v1/event_auth/${encodeURIComponent(ctx.roomId)}/${encodeURIComponent(eventId)}`
  return objectsIn((await get(ctx, serverName, path, ASK_STATE_TIMEOUT_MS, MAX_PAGE_BYTES)).auth_chain)
}

/** One event (server-server-api `GET /event/{eventId}`). */
export async function askEvent(ctx: RepairContext, serverName: string, eventId: string): Promise<JsonObject | undefined> {
  const path = `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`
  return objectsIn((await get(ctx, serverName, path, ASK_TIMEOUT_MS, MAX_EVENT_BYTES)).pdus)[0]
}

function get(ctx: RepairContext, serverName: string, path: string, timeoutMs: number, maxBytes: number): Promise<JsonObject> {
  return outboundOf(ctx.env).client.json(serverName, { method: 'GET', path, timeoutMs, maxBytes })
}

function objectsIn(value: JsonValue | undefined): JsonObject[] {
  const entries: readonly JsonValue[] = Array.isArray(value) ? value : []
  return entries.filter(isJsonObject)
}
