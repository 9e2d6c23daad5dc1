import { forbidden, limitExceeded, MatrixError } from '../../../matrix/errors.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { type Outcome, refusal } from '../../../runtime/outcome.ts'
import { readStaged, stagePdu, unstagePdu } from '../../../storage/room/staging.ts'
import type { CommitQueue } from '../append/commit-queue.ts'
import { copyDraft, type Draft } from '../append/draft.ts'
import { isServerAllowed } from '../federation/server-access.ts'
import type { RoomCore } from '../room-core.ts'
import { appendRemoteEvent, type RemoteVerdict } from './append-remote-event.ts'

/** PDUs of one call. */
export const MAX_INGESTED_PDUS = 100
/** Staged PDUs looked at after each call. */
const MAX_STAGED_LOOKED_AT = 500
/** Rounds through staging after each call: each must make progress. */
const MAX_STAGED_ROUNDS = 50

/** When PDUs of a room that is being joined may come again. */
const JOINING_RETRY_MS = 2_000

/** Worker → room: PDUs whose signatures were verified, and whose content was redacted where its hash did not fit. */
export interface IngestRequest {
  /** The server that sent them; bounds what it may have waiting. */
  readonly origin: string
  readonly pdus: readonly JsonObject[]
}

/** What became of one PDU. `staged`: it waits for the events named. `malformed`: it was dropped. */
export type IngestVerdict =
  | Exclude<RemoteVerdict, { kind: 'missing' }>
  | { readonly kind: 'staged'; readonly eventIds: readonly string[] }
  | { readonly kind: 'malformed'; readonly reason: string }

/** Room → Worker: verdicts in the order of the PDUs, and every event that staging waits for. */
export interface IngestResult {
  readonly verdicts: readonly { readonly eventId: string; readonly verdict: IngestVerdict }[]
  readonly waitsFor: readonly string[]
}

/**
 * Takes PDUs in: applies what it can, stages what waits for others, and tries staged PDUs again, all in one commit (docs/design/room.md). One bad PDU
 * never holds the others. @throws M_TOO_LARGE for more than {@link MAX_INGESTED_PDUS}.
 */
export function ingestPdus(core: RoomCore, queue: CommitQueue, request: IngestRequest, requestId: string): Promise<Outcome<IngestResult>> {
  const head = core.findHead()
  // The server repeats its transaction; by then the room has been joined.
  if (head?.life === 'joining') return Promise.resolve(refusal(limitExceeded(JOINING_RETRY_MS)))
  if (head?.life !== 'active') return Promise.resolve(refusal(core.unknownRoom()))
  if (!isServerAllowed(core, request.origin)) return Promise.resolve(refusal(forbidden('Your server is denied access to this room')))
  if (request.pdus.length > MAX_INGESTED_PDUS) {
    return Promise.resolve(refusal(new MatrixError(413, 'M_TOO_LARGE', `At most ${MAX_INGESTED_PDUS} PDUs at a time`)))
  }
  return queue.enqueue(requestId, (draft) => ingest(core, draft, request))
}

function ingest(core: RoomCore, draft: Draft, request: IngestRequest): IngestResult {
  const verdicts = request.pdus.map((pdu) => {
    const parsed = parsePdu(pdu, draft.rules, draft.head.roomId)
    if (!parsed.ok) return { eventId: '', verdict: { kind: 'malformed' as const, reason: parsed.reason } }
    const { event } = parsed
    const verdict = apply(core, draft, event)
    if (verdict.kind !== 'missing') return { eventId: event.eventId, verdict }
    stagePdu(core.store, {
      eventId: event.eventId,
      origin: request.origin,
      pdu: JSON.stringify(pdu),
      waitsFor: verdict.eventIds,
      receivedTs: core.nowMs(),
    })
    return { eventId: event.eventId, verdict: { kind: 'staged' as const, eventIds: verdict.eventIds } }
  })
  return { verdicts, waitsFor: retryStaged(core, draft) }
}

/** One event in a savepoint of its own, so that a failure in the middle leaves nothing of it. */
function apply(core: RoomCore, draft: Draft, event: RoomEvent): RemoteVerdict {
  const own = copyDraft(draft)
  const verdict = core.store.transaction(undefined, () => appendRemoteEvent(core, own, event, core.nowMs()))
  Object.assign(draft, own)
  return verdict
}

/** Applies staged PDUs whose missing events have arrived, until nothing moves. Answers what the rest waits for. */
function retryStaged(core: RoomCore, draft: Draft): string[] {
  for (let round = 0; round < MAX_STAGED_ROUNDS; round += 1) {
    const staged = readStaged(core.store, MAX_STAGED_LOOKED_AT)
    const ready = staged.filter(({ waitsFor }) => waitsFor.every((id) => core.events.findById(id) !== undefined))
    if (ready.length === 0) return [...new Set(staged.flatMap(({ waitsFor }) => waitsFor))]
    for (const { eventId, origin, pdu, receivedTs } of ready) {
      const json: unknown = JSON.parse(pdu)
      const parsed = isJsonObject(json) ? parsePdu(json, draft.rules, draft.head.roomId) : undefined
      const verdict = parsed?.ok ? apply(core, draft, parsed.event) : undefined
      unstagePdu(core.store, eventId)
      if (verdict?.kind === 'missing') stagePdu(core.store, { eventId, origin, pdu, waitsFor: verdict.eventIds, receivedTs })
    }
  }
  return []
}
