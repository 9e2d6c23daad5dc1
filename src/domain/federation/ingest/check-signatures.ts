import type { KeyQuestion } from '../../../federation/outbound/keys/key-memory.ts'
import {
  authorisingServer,
  checkEventSignatures,
  checkSignaturesOf,
  type KeyLookup,
  MAX_SIGNATURES_PER_SERVER,
  requiredSigners,
} from '../../../matrix/events/event-signatures.ts'
import type { ParsedPdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { signatureKeyIds } from '../../../matrix/signing.ts'

/**
 * What the signatures of a PDU are worth. `drop`: it is not what its sender's server sent, or nobody can tell. `reject`: it is, but the server
 * that is said to have let a restricted join in has not signed it, which the authorization rules reject (rooms/v8#authorization-rules).
 */
export type SignatureCheck =
  | { readonly kind: 'ok' }
  | { readonly kind: 'drop'; readonly reason: string }
  | { readonly kind: 'reject'; readonly reason: string }

/** Every key that is needed to check a PDU's signatures, valid at the time of the event where its room version asks for that (SECURITY F6). */
export function keysNeeded(parsed: ParsedPdu, rules: RoomVersionRules): KeyQuestion[] {
  const { event } = parsed
  const authorising = authorisingServer(event, rules)
  const signers = new Set([...requiredSigners(event, rules), ...(authorising === undefined ? [] : [authorising])])
  const minimumValidUntilTs = rules.enforceKeyValidity ? event.originServerTs : 0
  return [...signers].flatMap((serverName) =>
    signatureKeyIds(event.pdu, serverName)
      .slice(0, MAX_SIGNATURES_PER_SERVER)
      .map((keyId) => ({ serverName, keyId, minimumValidUntilTs })),
  )
}

/** Check 2 (server-server-api#checks-performed-on-receipt-of-a-pdu) with keys that have been fetched. Never throws. */
export function checkSignatures(parsed: ParsedPdu, rules: RoomVersionRules, findKey: KeyLookup, unvouchedBy?: string): SignatureCheck {
  const verdict = checkEventSignatures(parsed, rules, findKey)
  if (verdict.kind !== 'valid') return { kind: 'drop', reason: reasonOf(verdict) }
  const authorising = authorisingServer(parsed.event, rules)
  if (authorising === undefined || authorising === unvouchedBy || parsed.event.content.membership !== 'join') return { kind: 'ok' }
  const cosigned = checkSignaturesOf(authorising, parsed, rules, findKey)
  return cosigned.kind === 'valid' ? { kind: 'ok' } : { kind: 'reject', reason: `The join is not vouched for: ${reasonOf(cosigned)}` }
}

function reasonOf(verdict: Exclude<ReturnType<typeof checkEventSignatures>, { kind: 'valid' }>): string {
  if (verdict.kind === 'unsigned') return `no signature of ${verdict.serverName}`
  if (verdict.kind === 'invalid') return `the signature of ${verdict.serverName} is invalid`
  return `no key of ${verdict.serverName} for the signature`
}
