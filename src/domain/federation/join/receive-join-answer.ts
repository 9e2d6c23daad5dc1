import type { BoundedBody } from '../../../federation/outbound/bounded-body.ts'
import { type JsonPiece, JsonPieceReader } from '../../../federation/outbound/json-pieces.ts'
import type { KeyQuestion } from '../../../federation/outbound/keys/key-memory.ts'
import { outboundOf } from '../../../federation/outbound/outbound.ts'
import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { signatureKeyIds } from '../../../matrix/signing.ts'
import { parseStrictJson } from '../../../matrix/strict-json.ts'
import { letOthersRun } from '../../../runtime/turns.ts'
import type { StagedImport } from '../../../storage/room/import-staging.ts'
import { type KeySource, verifyRoomPdus } from '../ingest/verify-room-pdus.ts'
import {
  IMPORT_CHUNK_EVENTS,
  JOIN_KEY_BATCH_CHARS,
  JOIN_KEY_BATCH_EVENTS,
  MAX_JOIN_EVENTS,
  MAX_JOIN_MEMBER_BYTES,
  MAX_JOIN_PDU_BYTES,
  PARSED_PER_TURN,
} from '../limits.ts'

const AUTH_CHAIN = 'auth_chain'

/** Which member of an answer holds a state: `send_join` and `GET /state` call it differently. */
export type StateMember = 'state' | 'pdus'

/** Where the events of an answer go, in chunks. */
export type Stage = (staged: readonly StagedImport[]) => Promise<void>

interface ReceivedEvent {
  readonly pdu: JsonObject
  readonly inState: boolean
}

/**
 * Reads a state and its auth chain as they arrive, the answer to `send_join` (server-server-api#put_matrixfederationv2send_joinroomideventid) or to `GET /state`: format, signatures and hash of each event are
 * checked before it goes on (F11), and what fails is left out. At no time more than a few megabytes of it are held.
 * Answers the other members of the answer. @throws OutboundError; whatever `stage` throws.
 */
export async function receiveJoinAnswer(
  ctx: KeySource,
  rules: RoomVersionRules,
  roomId: string,
  body: BoundedBody,
  stage: Stage,
  stateMember: StateMember = 'state',
): Promise<JsonObject> {
  const streamed = new Set([stateMember, AUTH_CHAIN])
  const reader = new JsonPieceReader({ streamed, maxElementBytes: MAX_JOIN_PDU_BYTES, maxMemberBytes: MAX_JOIN_MEMBER_BYTES })
  const members: Record<string, JsonValue> = {}
  let batch: ReceivedEvent[] = []
  let batchChars = 0
  let events = 0
  const flush = async (): Promise<void> => {
    const received = batch
    batch = []
    batchChars = 0
    await verifyAndStage(ctx, rules, roomId, received, stage)
  }
  for await (const chunk of body.chunks()) {
    for (const piece of reader.push(chunk)) {
      if (!piece.isElement) {
        const value = memberOf(piece)
        if (value !== undefined) Object.defineProperty(members, piece.name, { value, enumerable: true })
        continue
      }
      events += 1
      if (events > MAX_JOIN_EVENTS) throw new OutboundError('too_large', 'the room has too many events')
      const pdu = pduOf(piece.text, rules)
      if (pdu !== undefined) batch.push({ pdu, inState: piece.name === stateMember })
      batchChars += piece.text.length
      if (batch.length >= JOIN_KEY_BATCH_EVENTS || batchChars >= JOIN_KEY_BATCH_CHARS) await flush()
      else if (events % PARSED_PER_TURN === 0) await letOthersRun()
    }
  }
  reader.end()
  await flush()
  return members
}

function memberOf({ text }: JsonPiece): JsonValue | undefined {
  const parsed = parseStrictJson(text, { numbers: 'any' })
  return parsed.ok ? parsed.value : undefined
}

function pduOf(text: string, rules: RoomVersionRules): JsonObject | undefined {
  const parsed = parseStrictJson(text, { numbers: rules.strictCanonicalJson ? 'integers' : 'exact' })
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined
}

/** Keys are fetched for many events at once, since some servers are slow to be found gone; the events themselves are checked a few at a time, so that others get their turns. */
async function verifyAndStage(
  ctx: KeySource,
  rules: RoomVersionRules,
  roomId: string,
  received: readonly ReceivedEvent[],
  stage: Stage,
): Promise<void> {
  await outboundOf(ctx.env).keys.eventKeys(
    ctx.registry,
    received.flatMap(({ pdu }) => senderKeys(pdu, rules)),
  )
  for (let start = 0; start < received.length; start += IMPORT_CHUNK_EVENTS) {
    const chunk = received.slice(start, start + IMPORT_CHUNK_EVENTS)
    const verdicts = await verifyRoomPdus(
      ctx,
      rules,
      roomId,
      chunk.map(({ pdu }) => pdu),
    )
    const staged = verdicts.flatMap((verdict, index): StagedImport[] => {
      if (verdict.kind !== 'verified') return []
      const { event } = verdict
      // The create event rests on nothing and everything on it, whatever depth it claims.
      const depth = event.type === 'm.room.create' ? -1 : event.depth
      return [{ eventId: event.eventId, depth, inState: chunk[index]?.inState ?? false, pdu: JSON.stringify(event.pdu) }]
    })
    if (staged.length > 0) await stage(staged)
    await letOthersRun()
  }
}

/** The keys with which a sender's server signed. */
function senderKeys(pdu: JsonObject, rules: RoomVersionRules): KeyQuestion[] {
  const serverName = typeof pdu.sender === 'string' ? parseUserId(pdu.sender)?.serverName : undefined
  if (serverName === undefined) return []
  const minimumValidUntilTs = rules.enforceKeyValidity && typeof pdu.origin_server_ts === 'number' ? pdu.origin_server_ts : 0
  return signatureKeyIds(pdu, serverName)
    .slice(0, 1)
    .map((keyId) => ({ serverName, keyId, minimumValidUntilTs }))
}
