import type { BoundedBody } from '../../federation/outbound/bounded-body.ts'
import { jsonBody } from '../../federation/outbound/client.ts'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import { OutboundError, RemoteRefusal } from '../../federation/outbound/outbound-error.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { createEvent } from '../../matrix/events/create-event.ts'
import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { isServerName } from '../../matrix/ids/server-name.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { nowMs } from '../../runtime/clock.ts'
import { chosenEventId, signerOf } from '../../runtime/event-signer.ts'
import type { RequestContext } from '../context.ts'
import {
  FEDERATED_ROOM_VERSIONS,
  JOIN_ANSWER_TIMEOUT_MS,
  MAKE_TIMEOUT_MS,
  MAX_CANDIDATE_SERVERS,
  MAX_JOIN_ANSWER_BYTES,
  SEND_TIMEOUT_MS,
} from './limits.ts'

/** What a handshake works with. */
export type HandshakeContext = Pick<RequestContext, 'env' | 'config'>

/** A change of one's own membership through another server. */
export interface RemoteMembership {
  readonly action: 'join' | 'leave' | 'knock'
  readonly roomId: string
  readonly userId: string
  /** What the event says apart from the membership. */
  readonly content: JsonObject
}

/** An event of ours, made from another server's template, and the rules of its room. */
export interface MadeEvent {
  readonly event: RoomEvent
  readonly rules: RoomVersionRules
}

/**
 * Asks a server for a template and makes an event of our own from it: only places in the graph are taken from the template, and only from one that is what was
 * asked for (F10). @throws OutboundError.
 */
export async function makeMembership(ctx: HandshakeContext, serverName: string, change: RemoteMembership): Promise<MadeEvent> {
  const { action, roomId, userId } = change
  const versions = action === 'leave' ? '' : `?${FEDERATED_ROOM_VERSIONS.map((version) => `ver=${version}`).join('&')}`
  const path = `/_matrix/federation/v1/make_${action}/${encodeURIComponent(roomId)}/${encodeURIComponent(userId)}${versions}`
  const answer = await outboundOf(ctx.env).client.json(serverName, { method: 'GET', path, timeoutMs: MAKE_TIMEOUT_MS })
  const version = answer.room_version
  const rules = typeof version === 'string' && FEDERATED_ROOM_VERSIONS.includes(version) ? findRoomVersionRules(version) : undefined
  if (rules === undefined) throw new OutboundError('invalid', 'the template is of a room version that was not offered')
  const { event: template } = answer
  if (!isJsonObject(template) || !isTemplateOf(template, change))
    throw new OutboundError('invalid', 'the template is not what was asked for')
  return { event: complete(ctx, rules, change, template), rules }
}

function isTemplateOf(template: JsonObject, { action, roomId, userId }: RemoteMembership): boolean {
  const { content } = template
  if (template.room_id !== roomId || template.type !== 'm.room.member') return false
  if (template.sender !== userId || template.state_key !== userId) return false
  return isJsonObject(content) && content.membership === action
}

function complete(ctx: HandshakeContext, rules: RoomVersionRules, change: RemoteMembership, template: JsonObject): RoomEvent {
  const hashes = new Map<string, string | null>()
  const prevEvents = idsOf(template.prev_events, rules, hashes)
  const authEvents = idsOf(template.auth_events, rules, hashes)
  const { depth } = template
  if (prevEvents === undefined || authEvents === undefined || typeof depth !== 'number' || !Number.isSafeInteger(depth) || depth < 0) {
    throw new OutboundError('invalid', 'the template has no place in the graph')
  }
  const authoriser = isJsonObject(template.content) ? template.content.join_authorised_via_users_server : undefined
  const vouched = change.action === 'join' && typeof authoriser === 'string' ? { join_authorised_via_users_server: authoriser } : {}
  return createEvent(
    {
      roomId: change.roomId,
      eventId: chosenEventId(ctx.config, rules),
      type: 'm.room.member',
      stateKey: change.userId,
      sender: change.userId,
      content: { ...change.content, membership: change.action, ...vouched },
      originServerTs: nowMs(),
      depth,
      prevEvents,
      authEvents,
      referenceHashes: hashes,
    },
    rules,
    signerOf(ctx.config),
  )
}

/** Most references in a template, as in any event. */
const MAX_REFERENCES = 20
/** 32 bytes in unpadded Base64. */
const SHA256_BASE64 = /^[A-Za-z0-9+/]{43}$/

/** The IDs of a template's references; in room versions 1 and 2 there are hashes beside them, which go into `hashes`. */
function idsOf(value: JsonValue | undefined, rules: RoomVersionRules, hashes: Map<string, string | null>): string[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_REFERENCES) return undefined
  const references: readonly JsonValue[] = value
  const ids = rules.eventReferences === 'ids' ? references : references.map((reference) => idOfPair(reference, hashes))
  const eventIds = ids.filter((id): id is string => typeof id === 'string' && id.startsWith('$') && id.length <= 255)
  return eventIds.length === ids.length ? eventIds : undefined
}

function idOfPair(pair: JsonValue, hashes: Map<string, string | null>): string | undefined {
  if (!Array.isArray(pair) || pair.length !== 2) return undefined
  const [id, named]: readonly JsonValue[] = pair
  if (typeof id !== 'string' || !isJsonObject(named)) return undefined
  // Synapse leaves the hashes of some events out.
  const { sha256 = null } = named
  if (sha256 !== null && (typeof sha256 !== 'string' || !SHA256_BASE64.test(sha256))) return undefined
  hashes.set(id, sha256)
  return id
}

/** Sends the event to the server that made its template; answers what that says. @throws OutboundError. */
export function sendMembership(ctx: HandshakeContext, serverName: string, change: RemoteMembership, event: RoomEvent): Promise<JsonObject> {
  const request = { method: 'PUT', path: sendPath(change, event), canonicalBody: jsonBody(event.pdu), timeoutMs: SEND_TIMEOUT_MS } as const
  return outboundOf(ctx.env).client.json(serverName, request)
}

/** The same for a join, whose answer is the state of the room, without most members if the server can leave them out (MSC3706): to be read as it arrives. @throws OutboundError. */
export function openJoinAnswer(
  ctx: HandshakeContext,
  serverName: string,
  change: RemoteMembership,
  event: RoomEvent,
): Promise<BoundedBody> {
  return outboundOf(ctx.env).client.open(serverName, {
    method: 'PUT',
    path: `${sendPath(change, event)}?omit_members=true`,
    canonicalBody: jsonBody(event.pdu),
    timeoutMs: JOIN_ANSWER_TIMEOUT_MS,
    maxBytes: MAX_JOIN_ANSWER_BYTES,
  })
}

function sendPath({ action, roomId }: RemoteMembership, { eventId }: RoomEvent): string {
  const version = action === 'knock' ? 'v1' : 'v2'
  return `/_matrix/federation/${version}/send_${action}/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`
}

/** The servers to ask, each once, this one not, at most {@link MAX_CANDIDATE_SERVERS}. */
export function candidateServers(ctx: HandshakeContext, names: readonly (string | undefined)[]): string[] {
  const others = names.filter((name): name is string => name !== undefined && name !== ctx.config.serverName && isServerName(name))
  return [...new Set(others)].slice(0, MAX_CANDIDATE_SERVERS)
}

/** Which of two failures to tell of: a server that knows the room and refuses says more than one that does not know it or cannot be reached. */
export function moreTelling(before: unknown, after: unknown): unknown {
  return isRefusal(before) && !isRefusal(after) ? before : after
}

function isRefusal(cause: unknown): boolean {
  return (cause instanceof RemoteRefusal || cause instanceof MatrixError) && (cause.status === 403 || cause.status === 400)
}
