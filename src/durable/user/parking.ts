import { Buffer } from 'node:buffer'
import { nowMs } from '../../runtime/clock.ts'
import { refusal, success } from '../../runtime/outcome.ts'
import type { KeyCounts, ParkRequest, SyncPlan } from '../sync-protocol.ts'
import { type Attachment, keepParked, type ParkedPoll, type Place, parkedPolls, readAttachment } from './parked-poll.ts'
import { replaceParked } from './parking-wake.ts'
import { prepareSync } from './resume.ts'
import type { Admission, Requester } from './session-base.ts'
import { planSync } from './sync-plan.ts'
import { parseSyncToken } from './sync-token.ts'
import { admit, type Credential } from './tokens.ts'
import type { UserCore } from './user-core.ts'

/** Header of the Worker's upgrade request: {@link ParkEnvelope} as Base64url of JSON. Never reachable from outside: objects only hear Workers. */
export const PARK_HEADER = 'x-myelin-park'
/** Header of the accepting answer: {@link Parked} as percent-encoded JSON. */
export const PARKED_HEADER = 'x-myelin-parked'
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

/** A poll that waits: what a response says in which nothing happened. */
export interface Parked {
  readonly kind: 'parked'
  readonly nextBatch: string
  readonly keyCounts: KeyCounts
}

/** What became of a poll that may wait: there is something to tell at once, or it waits. */
export type ParkAnswer = Parked | { readonly kind: 'plan'; readonly plan: SyncPlan }

/** The upgrade header for an envelope. */
export function formatParkHeader(envelope: ParkEnvelope): string {
  return Buffer.from(JSON.stringify(envelope), 'utf8').toString('base64url')
}

/**
 * A poll that may wait. Answers at once where there is something to tell; otherwise keeps it where `place` says, and lets the object hibernate. Credential and
 * position are checked in the turn that accepts.
 * @throws MatrixError what the account refuses with.
 */
export async function park(core: UserCore, { credential, request }: ParkEnvelope, place: () => Place): Promise<ParkAnswer> {
  const first = requireAdmitted(admit(core, credential))
  await prepareSync(core, parseSyncToken(core.config, core.userId, first.deviceId, request.since), first.requestId)
  // From here on nothing waits any more. The request was charged above.
  const { deviceId } = requireAdmitted(admit(core, { ...credential, rateLimit: 'none' }))
  const since = parseSyncToken(core.config, core.userId, deviceId, request.since)
  core.presence?.polled(deviceId, request.setPresence)
  const plan = planSync(core, deviceId, since, request, request.retryHeld)
  if (!plan.empty) return { kind: 'plan', plan }
  const { nextBatch, keyCounts } = plan
  acceptParked(core, place(), attachmentOf(deviceId, request, nextBatch))
  return { kind: 'parked', nextBatch, keyCounts }
}

/** The same for a Worker elsewhere: the poll waits on a socket, which is the answer. Whatever is to be told at once comes as an outcome. */
export async function parkOnSocket(core: UserCore, upgrade: Request): Promise<Response> {
  const envelope = parseEnvelope(upgrade.headers.get(PARK_HEADER))
  if (envelope === undefined) return new Response(null, { status: 400 })
  return await onSocket(
    (place) => park(core, envelope, place),
    (answer) => (answer.kind === 'parked' ? { [PARKED_HEADER]: encodeURIComponent(JSON.stringify(answer)) } : undefined),
  )
}

/** Parks on a socket of its own. `headersOf` says what goes with the socket, or that there is none: then the answer comes as an outcome, as a refusal does. */
export async function onSocket<T>(
  parkAt: (place: () => Place) => Promise<T>,
  headersOf: (answer: T) => Readonly<Record<string, string>> | undefined,
): Promise<Response> {
  let client: WebSocket | undefined
  const place = (): WebSocket => {
    const pair = new WebSocketPair()
    client = pair[0]
    return pair[1]
  }
  try {
    const answer = await parkAt(place)
    const headers = headersOf(answer)
    if (headers === undefined || client === undefined) return Response.json(success(answer))
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
export function acceptParked(core: UserCore, place: Place, attachment: Attachment): void {
  replaceParked(core, attachment.deviceId, attachment.connectionId)
  answerOldest(parkedPolls(core, attachment.deviceId), MAX_PARKED_PER_DEVICE - 1)
  answerOldest(parkedPolls(core), MAX_PARKED_PER_USER - 1)
  const presence = core.presence?.parked(attachment.deviceId)
  keepParked(core, place, presence === undefined ? attachment : { ...attachment, presence })
}

/** Answers the polls that have waited longest, until no more than `keep` are left. */
function answerOldest(polls: readonly ParkedPoll[], keep: number): void {
  if (polls.length <= keep) return
  const parkedMs = ({ attachment }: ParkedPoll): number => readAttachment(attachment)?.parkedMs ?? 0
  const oldestFirst = polls.toSorted((a, b) => parkedMs(a) - parkedMs(b))
  for (const poll of oldestFirst.slice(0, polls.length - keep)) poll.answer({ kind: 'replaced' })
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
