import { forbidden, limitExceeded, MatrixError } from '../../../matrix/errors.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import { readEvent } from '../../../matrix/events/read-event.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { type Outcome, refusal } from '../../../runtime/outcome.ts'
import { stagePdu } from '../../../storage/room/staging.ts'
import type { CommitQueue } from '../append/commit-queue.ts'
import type { Draft } from '../append/draft.ts'
import { isServerAllowed } from '../federation/server-access.ts'
import { judgeReceived } from '../policy/judge-received.ts'
import type { RoomCore } from '../room-core.ts'
import { appendRemoteEvent, type RemoteVerdict } from './append-remote-event.ts'
import { joinTips } from './dummy-event.ts'
import { JOINING_RETRY_MS } from './limits.ts'
import { resolutionEventsOf } from './resolution-events.ts'
import { planMissing, retryStaged, type StagedRest } from './retry-staged.ts'
import { starvingOf } from './starving.ts'
import { referencesOf } from './state-before.ts'

/** PDUs of one call. */
export const MAX_INGESTED_PDUS = 100

/** Worker → room: PDUs whose signatures were verified, and whose content was redacted where its hash did not fit. */
export interface IngestRequest {
  /** The server that sent them, or was asked for them; bounds what it may have waiting. */
  readonly origin: string
  readonly pdus: readonly JsonObject[]
  /**
   * IDs of the PDUs, in their order, from whoever has just checked format, hash and room of each: the Worker is as trusted as the room, and doing it again takes a
   * tenth of the time. Without them the room does it.
   */
  readonly eventIds?: readonly string[]
  /** Events among them that are to be stored as rejected, by ID, and why. */
  readonly rejected?: Readonly<Record<string, string>>
  /** This server asked for them. */
  readonly fetched?: boolean
}

/** What became of one PDU. `staged`: it waits for the events named, for a resolution, or for the next turn. `malformed`: it was dropped. */
export type IngestVerdict =
  | Exclude<RemoteVerdict, { kind: 'missing' | 'unresolved' }>
  | { readonly kind: 'staged'; readonly eventIds: readonly string[] }
  | { readonly kind: 'malformed'; readonly reason: string }

/** Room → Worker: verdicts in the order of the PDUs, and every event that staging waits for. */
export interface IngestResult {
  readonly verdicts: readonly { readonly eventId: string; readonly verdict: IngestVerdict }[]
  readonly waitsFor: readonly string[]
}

/**
 * Takes PDUs in: applies what it can, stages what waits for others, and tries staged PDUs again, all in one commit (docs/design/room.md). One bad PDU
 * never holds the others. What is missing is fetched by `Repair`, which the same commit makes sure of. @throws M_TOO_LARGE for more than {@link MAX_INGESTED_PDUS}.
 */
export async function ingestPdus(
  core: RoomCore,
  queue: CommitQueue,
  request: IngestRequest,
  requestId: string,
): Promise<Outcome<IngestResult>> {
  const head = core.findHead()
  // The server repeats its transaction; by then the room has been joined.
  if (head?.life === 'joining') return refusal(limitExceeded(JOINING_RETRY_MS))
  if (head?.life !== 'active') return refusal(core.unknownRoom())
  if (!isServerAllowed(core, request.origin)) return refusal(forbidden('Your server is denied access to this room'))
  if (request.pdus.length > MAX_INGESTED_PDUS) {
    return refusal(new MatrixError(413, 'M_TOO_LARGE', `At most ${MAX_INGESTED_PDUS} PDUs at a time`))
  }
  const judged = judgeReceived(core, request.pdus, request.eventIds)
  const pdus = judged instanceof Promise ? await judged : judged
  const outcome = await queue.enqueue(requestId, (draft) => ingest(core, draft, { ...request, pdus }))
  core.repairs?.committed()
  // Who sends more than one turn can take in is answered when it is: what waits would give way to what comes next.
  await core.repairs?.retried()
  return outcome
}

function ingest(core: RoomCore, draft: Draft, request: IngestRequest): IngestResult {
  const verdicts = request.pdus.map((pdu, index) => ingestOne(core, draft, request, pdu, request.eventIds?.[index]))
  const rest = retryStaged(core, draft)
  planMissing(core, rest)
  return { verdicts, waitsFor: waitsFor(rest) }
}

function ingestOne(
  core: RoomCore,
  draft: Draft,
  request: IngestRequest,
  pdu: JsonObject,
  checkedId: string | undefined,
): IngestResult['verdicts'][number] {
  const { roomId } = draft.head
  const parsed =
    checkedId === undefined
      ? parsePdu(pdu, draft.rules, roomId)
      : { ok: true as const, event: readEvent(pdu, checkedId, roomId, draft.rules) }
  if (!parsed.ok) return { eventId: '', verdict: { kind: 'malformed' as const, reason: parsed.reason } }
  const { event } = parsed
  const { eventId } = event
  const receivedTs = core.nowMs()
  const refused = request.rejected?.[eventId]
  const verdict =
    resolutionEventsOf(core).isTurnSpent || starvingOf(core).holdsUp(eventId)
      ? postponed(core, event)
      : appendRemoteEvent(core, draft, event, { nowMs: receivedTs, refusal: refused })
  if (verdict.kind !== 'missing' && verdict.kind !== 'unresolved') {
    joinTips(core, draft)
    return { eventId, verdict }
  }
  const waits = waitsOf(verdict)
  const fetched = request.fetched === true
  stagePdu(core.store, { eventId, origin: request.origin, pdu: JSON.stringify(pdu), waits, receivedTs, fetched, refusal: refused })
  return { eventId, verdict: { kind: 'staged' as const, eventIds: [...waits.prev, ...waits.auth] } }
}

/** An event that is taken in with a later commit, after what it refers to. */
function postponed(core: RoomCore, event: RoomEvent): Extract<RemoteVerdict, { kind: 'missing' }> {
  const { missingPrev, missingAuth } = referencesOf(core, event)
  return { kind: 'missing', prev: missingPrev, auth: missingAuth }
}

/** What a PDU waits for, as its verdict tells. */
export function waitsOf(verdict: Extract<RemoteVerdict, { kind: 'missing' | 'unresolved' }>) {
  return verdict.kind === 'missing'
    ? { prev: verdict.prev, auth: verdict.auth, groups: [] }
    : { prev: [], auth: [], groups: verdict.groups }
}

function waitsFor(rest: StagedRest): string[] {
  return [...new Set(rest.waiting.flatMap(({ waits }) => [...waits.prev, ...waits.auth]))]
}
