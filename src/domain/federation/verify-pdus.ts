import { outboundOf } from '../../federation/outbound/outbound.ts'
import { authorisingServer, checkEventSignatures, checkSignaturesOf, requiredSigners } from '../../matrix/events/event-signatures.ts'
import { type ParsedPdu, parsePdu } from '../../matrix/events/parse-pdu.ts'
import { redactEvent } from '../../matrix/events/redaction.ts'
import type { RoomEvent } from '../../matrix/events/room-event.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { signatureKeyIds } from '../../matrix/signing.ts'
import { log } from '../../runtime/log.ts'
import type { RequestContext } from '../context.ts'

/** What became of one PDU: an event to go on with, redacted where its content is not what its hash says; or why it is dropped. */
export type VerifiedPdu = { readonly event: RoomEvent } | { readonly eventId: string | undefined; readonly reason: string }

/**
 * Steps 1 to 3 of the checks on receipt (server-server-api#checks-performed-on-receipt-of-a-pdu) for many PDUs of a room: format, signatures, content hash. Keys that are not
 * known are fetched, each server being asked once. Answers in the order of the PDUs.
 * @param options.unvouchedBy a server whose signature under a restricted join is not looked for, because it is yet to be made.
 */
export async function verifyPdus(
  ctx: RequestContext,
  rules: RoomVersionRules,
  roomId: string,
  pdus: readonly JsonObject[],
  options: { readonly unvouchedBy?: string } = {},
): Promise<VerifiedPdu[]> {
  const parsed = pdus.map((pdu) => parsePdu(pdu, rules, roomId))
  const questions = parsed.flatMap((one) => {
    if (!one.ok) return []
    const minimumValidUntilTs = rules.enforceKeyValidity ? one.event.originServerTs : 0
    return signersOf(one, rules).flatMap((serverName) =>
      signatureKeyIds(one.event.pdu, serverName).map((keyId) => ({ serverName, keyId, minimumValidUntilTs })),
    )
  })
  const findKey = await outboundOf(ctx.env).keys.eventKeys(ctx.registry, questions)
  return parsed.map((one) => {
    if (!one.ok) return { eventId: undefined, reason: one.reason }
    const { eventId } = one.event
    const verdict = checkEventSignatures(one, rules, findKey)
    if (verdict.kind !== 'valid') {
      log.debug(`dropped an event: signature of ${verdict.serverName} ${verdict.kind}`)
      return { eventId, reason: `signature of ${verdict.serverName}: ${verdict.kind}` }
    }
    const authoriser = authorisingServer(one.event, rules)
    if (
      authoriser !== undefined &&
      authoriser !== options.unvouchedBy &&
      checkSignaturesOf(authoriser, one, rules, findKey).kind !== 'valid'
    ) {
      return { eventId, reason: `no signature of ${authoriser}, which is said to have authorized the join` }
    }
    return { event: one.contentHashMatches ? one.event : redactEvent(one.event, rules) }
  })
}

/** The events among verified PDUs. */
export function eventsOf(verified: readonly VerifiedPdu[]): RoomEvent[] {
  return verified.flatMap((one) => ('event' in one ? [one.event] : []))
}

function signersOf(parsed: ParsedPdu, rules: RoomVersionRules): string[] {
  const authoriser = authorisingServer(parsed.event, rules)
  return [...requiredSigners(parsed.event, rules), ...(authoriser === undefined ? [] : [authoriser])]
}

/** Whether an event carries a valid signature of a server besides those that it needs anyway. */
export async function isSignedBy(
  ctx: RequestContext,
  rules: RoomVersionRules,
  roomId: string,
  event: RoomEvent,
  serverName: string,
): Promise<boolean> {
  const parsed = parsePdu(event.pdu, rules, roomId)
  if (!parsed.ok) return false
  const questions = signatureKeyIds(event.pdu, serverName).map((keyId) => ({
    serverName,
    keyId,
    minimumValidUntilTs: rules.enforceKeyValidity ? event.originServerTs : 0,
  }))
  const findKey = await outboundOf(ctx.env).keys.eventKeys(ctx.registry, questions)
  return checkSignaturesOf(serverName, parsed, rules, findKey).kind === 'valid'
}
