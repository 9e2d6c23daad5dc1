import { Buffer } from 'node:buffer'
import { nowMs } from '../../runtime/clock.ts'
import { refusal, success } from '../../runtime/outcome.ts'
import type { ParkRequest } from '../sync-protocol.ts'
import { type Attachment, answer, deviceTag, openSockets, readAttachment, replaceParked } from './parking-wake.ts'
import { prepareSync } from './resume.ts'
import type { Admission, Requester } from './session-base.ts'
import { planSync } from './sync-plan.ts'
import { parseSyncToken } from './sync-token.ts'
import { admit, type Credential } from './tokens.ts'
import type { UserCore } from './user-core.ts'

/** Header of the Worker's upgrade request: {@link ParkEnvelope} as Base64url of JSON. Never reachable from outside: objects only hear Workers. */
export const PARK_HEADER = 'x-myelin-park'
/** Header of the accepting answer: the token for a response in which nothing happened. */
export const NEXT_BATCH_HEADER = 'x-myelin-next-batch'
/** The same for what such a response says of the device's keys: `KeyCounts` as percent-encoded JSON. */
export const KEY_COUNTS_HEADER = 'x-myelin-key-counts'
/** Polls of one device that wait at once; a further one replaces the oldest. */
const MAX_PARKED_PER_DEVICE = 4
/** Polls of one user that wait at once. */
const MAX_PARKED_PER_USER = 50
/** Longest attachment in characters; the platform keeps at most 2,048 bytes. */
const MAX_ATTACHMENT_CHARS = 1_900

/** What the Worker sends to park. */
export interface ParkEnvelope {
  readonly credential: Credential
  readonly request: ParkRequest
}

/** The upgrade header for an envelope. */
export function formatParkHeader(envelope: ParkEnvelope): string {
  return Buffer.from(JSON.stringify(envelope), 'utf8').toString('base64url')
}

/**
 * A poll that may wait. Answers at once, with the outcome of a plan, where there is something to tell or to refuse; otherwise accepts the socket
 * and lets the object hibernate. Credential and position are checked in the turn that accepts.
 */
export async function park(core: UserCore, upgrade: Request): Promise<Response> {
  const envelope = parseEnvelope(upgrade.headers.get(PARK_HEADER))
  if (envelope === undefined) return new Response(null, { status: 400 })
  try {
    const { credential, request } = envelope
    const first = requireAdmitted(admit(core, credential))
    await prepareSync(core, parseSyncToken(core.config, core.userId, first.deviceId, request.since), first.requestId)
    // From here on nothing waits any more. The request was charged above.
    const { deviceId } = requireAdmitted(admit(core, { ...credential, rateLimit: 'none' }))
    const since = parseSyncToken(core.config, core.userId, deviceId, request.since)
    core.presence?.polled(deviceId, request.setPresence)
    const plan = planSync(core, deviceId, since, request, request.retryHeld)
    if (!plan.empty) return Response.json(success(plan))
    const { 0: client, 1: server } = new WebSocketPair()
    acceptParked(core, server, attachmentOf(deviceId, request, plan.nextBatch))
    const headers = { [NEXT_BATCH_HEADER]: plan.nextBatch, [KEY_COUNTS_HEADER]: encodeURIComponent(JSON.stringify(plan.keyCounts)) }
    return new Response(null, { status: 101, webSocket: client, headers })
  } catch (cause) {
    return Response.json(refusal(cause))
  }
}

function requireAdmitted(admission: Admission): Requester {
  if (!admission.admitted) throw admission.error
  return admission.requester
}

/** Lets a poll wait. Another one of the same connection is answered, and of too many those that have waited longest. */
export function acceptParked(core: UserCore, socket: WebSocket, attachment: Attachment): void {
  replaceParked(core, attachment.deviceId, attachment.connectionId)
  closeOldest(openSockets(core, deviceTag(attachment.deviceId)), MAX_PARKED_PER_DEVICE - 1)
  closeOldest(openSockets(core), MAX_PARKED_PER_USER - 1)
  core.ctx.acceptWebSocket(socket, [deviceTag(attachment.deviceId)])
  const presence = core.presence?.parked(attachment.deviceId)
  socket.serializeAttachment(presence === undefined ? attachment : { ...attachment, presence })
}

/** Closes the polls that have waited longest, until no more than `keep` are left. */
function closeOldest(sockets: readonly WebSocket[], keep: number): void {
  if (sockets.length <= keep) return
  const parkedMs = (socket: WebSocket): number => readAttachment(socket)?.parkedMs ?? 0
  const oldestFirst = sockets.toSorted((a, b) => parkedMs(a) - parkedMs(b))
  for (const socket of oldestFirst.slice(0, sockets.length - keep)) answer(socket, { kind: 'replaced' })
}

function attachmentOf(deviceId: string, request: ParkRequest, since: string): Attachment {
  const { connectionId, filter } = request
  const base = { deviceId, connectionId, parkedMs: nowMs(), since }
  const attachment = filter === undefined ? base : { ...base, filter }
  return JSON.stringify(attachment).length <= MAX_ATTACHMENT_CHARS ? attachment : { ...base, again: true }
}

/** What a Worker wrote with {@link formatParkHeader}; the only senders are our own Workers. */
function parseEnvelope(header: string | null): ParkEnvelope | undefined {
  if (header === null) return undefined
  const envelope: ParkEnvelope = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))
  return envelope
}
