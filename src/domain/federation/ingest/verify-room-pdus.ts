import { outboundOf } from '../../../federation/outbound/outbound.ts'
import { checkSignaturesOf } from '../../../matrix/events/event-signatures.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { signatureKeyIds } from '../../../matrix/signing.ts'
import { log } from '../../../runtime/log.ts'
import type { RequestContext } from '../../context.ts'
import type { ReceivedPdu } from './parse-transaction.ts'
import { type FetchKeys, type PduVerdict, verifyPdus } from './verify-pdus.ts'

/** Where signing keys are found. A {@link RequestContext} is one. */
export type KeySource = Pick<RequestContext, 'env' | 'registry'>

/** What is known of PDUs of one room besides themselves. */
export interface VerifyOptions {
  /** A server whose signature under a restricted join is not looked for, because it is yet to be made. */
  readonly unvouchedBy?: string
}

/** Checks PDUs that are said to be of one room with this server's key ring: format, signatures, hash; see {@link verifyPdus}. */
export async function verifyRoomPdus(
  source: KeySource,
  rules: RoomVersionRules,
  roomId: string,
  pdus: readonly JsonObject[],
  options: VerifyOptions = {},
): Promise<PduVerdict[]> {
  const received = pdus.map((pdu) => ({ pdu, roomId, inexact: false }))
  return await verifyReceived(source, rules, received, options)
}

/** The same for PDUs as a transaction brings them. */
export async function verifyReceived(
  source: KeySource,
  rules: RoomVersionRules,
  received: readonly ReceivedPdu[],
  options: VerifyOptions = {},
): Promise<PduVerdict[]> {
  const verdicts = await verifyPdus(received, rules, keysOf(source), options.unvouchedBy)
  for (const verdict of verdicts) if (verdict.kind === 'dropped') log.debug(`dropped an event: ${verdict.reason}`)
  return verdicts
}

/** The events among verified PDUs, without those that are to be rejected. */
export function verifiedEvents(verdicts: readonly PduVerdict[]): RoomEvent[] {
  return verdicts.flatMap((verdict) => (verdict.kind === 'verified' ? [verdict.event] : []))
}

/** Whether an event carries a valid signature of a server besides those that it needs anyway. */
export async function isSignedBy(
  source: KeySource,
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
  return checkSignaturesOf(serverName, parsed, rules, await keysOf(source)(questions)).kind === 'valid'
}

function keysOf(source: KeySource): FetchKeys {
  return (questions) => outboundOf(source.env).keys.eventKeys(source.registry, questions)
}
