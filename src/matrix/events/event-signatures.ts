import { decodeBase64 } from '../base64.ts'
import { ED25519_KEY_BYTES, ed25519Verify } from '../crypto.ts'
import { parseUserId } from '../ids/user-id.ts'
import { isJsonObject } from '../json.ts'
import type { RoomVersionRules } from '../room-versions/rules.ts'
import { signatureKeyIds, signatureOf } from '../signing.ts'
import type { ParsedPdu } from './parse-pdu.ts'
import type { RoomEvent } from './room-event.ts'

/** Most signatures of one server that are verified; more than that nobody has keys for. */
export const MAX_SIGNATURES_PER_SERVER = 8

/** A server's signing key as far as it is known here. */
export interface KnownKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /**
   * Milliseconds since the epoch until which the key was or is valid: `valid_until_ts`, at most 7 days ahead of when it was fetched, or the
   * `expired_ts` of an old key.
   */
  readonly validUntilTs: number
}

/** Looks up a key that has been fetched already; `undefined` if it is not known. */
export type KeyLookup = (serverName: string, keyId: string) => KnownKey | undefined

/**
 * What the signatures of an event are worth. `unsigned` and `invalid` events are dropped; for `missing_key` the keys can be fetched (with
 * `originServerTs` as `minimum_valid_until_ts`) and the question asked again.
 */
export type SignatureVerdict =
  | { readonly kind: 'valid' }
  | { readonly kind: 'unsigned'; readonly serverName: string }
  | { readonly kind: 'invalid'; readonly serverName: string; readonly keyId: string }
  | { readonly kind: 'missing_key'; readonly serverName: string; readonly keyIds: readonly string[] }

/**
 * The servers whose signature an event needs to be looked at at all: the sender's, unless the event is a third-party invite, and in room
 * versions 1 and 2 the one in the event ID (server-server-api#validating-hashes-and-signatures-on-received-events).
 */
export function requiredSigners(event: RoomEvent, rules: RoomVersionRules): readonly string[] {
  const signers = new Set<string>()
  const sender = parseUserId(event.sender)
  if (sender !== undefined && !isThirdPartyInvite(event)) signers.add(sender.serverName)
  if (rules.eventIdFormat === 'origin') signers.add(event.eventId.slice(event.eventId.indexOf(':') + 1))
  return [...signers]
}

/**
 * The server that must also have signed a membership for it to be authorized, because one of its users vouches for a restricted join
 * (rooms/v8#authorization-rules, 4.2). An event without that signature is rejected, not dropped.
 */
export function authorisingServer(event: RoomEvent, rules: RoomVersionRules): string | undefined {
  const userId = event.content.join_authorised_via_users_server
  if (!rules.restrictedJoins || event.type !== 'm.room.member' || typeof userId !== 'string') return undefined
  return parseUserId(userId)?.serverName
}

/** Checks the signatures of every {@link requiredSigners} (server-server-api#checks-performed-on-receipt-of-a-pdu, check 2). */
export function checkEventSignatures(parsed: ParsedPdu, rules: RoomVersionRules, findKey: KeyLookup): SignatureVerdict {
  for (const serverName of requiredSigners(parsed.event, rules)) {
    const verdict = checkSignaturesOf(serverName, parsed, rules, findKey)
    if (verdict.kind !== 'valid') return verdict
  }
  return { kind: 'valid' }
}

/** Checks what one server signed: at least one signature by a usable key, and none by such a key that is wrong. */
export function checkSignaturesOf(serverName: string, parsed: ParsedPdu, rules: RoomVersionRules, findKey: KeyLookup): SignatureVerdict {
  const keyIds = signatureKeyIds(parsed.event.pdu, serverName).slice(0, MAX_SIGNATURES_PER_SERVER)
  if (keyIds.length === 0) return { kind: 'unsigned', serverName }
  let valid = false
  for (const keyId of keyIds) {
    const key = findKey(serverName, keyId)
    if (key === undefined || !isUsable(key, parsed.event, rules)) continue
    const signature = signatureOf(parsed.event.pdu, serverName, keyId)
    if (signature === undefined || !ed25519Verify(key.publicKey, parsed.signedPayload, signature))
      return { kind: 'invalid', serverName, keyId }
    valid = true
  }
  return valid ? { kind: 'valid' } : { kind: 'missing_key', serverName, keyIds }
}

/** Keys must have been valid when the event was sent, from version 5 on (rooms/v5#signing-key-validity-period). */
function isUsable(key: KnownKey, event: RoomEvent, rules: RoomVersionRules): boolean {
  return !rules.enforceKeyValidity || key.validUntilTs >= event.originServerTs
}

function isThirdPartyInvite(event: RoomEvent): boolean {
  return event.type === 'm.room.member' && event.content.membership === 'invite' && isJsonObject(event.content.third_party_invite)
}

/** A public key as it stands in JSON; `undefined` unless it is 32 bytes of Base64. */
export function parsePublicKey(encoded: unknown): Uint8Array | undefined {
  const bytes = typeof encoded === 'string' ? decodeBase64(encoded) : undefined
  return bytes?.length === ED25519_KEY_BYTES ? bytes : undefined
}
