import { decodeBase64 } from '../../matrix/base64.ts'
import { ed25519Verify } from '../../matrix/crypto.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import { signatureOf, signedPayload } from '../../matrix/signing.ts'
import { membershipOf } from './auth-state.ts'
import type { MembershipChange } from './member.ts'
import { memberRuleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/**
 * Most signature verifications that one invite may cost. An honest one carries one or two signatures, and its `m.room.third_party_invite`
 * up to three keys; without a bound, one event of 64 KiB could ask for some 100,000.
 */
export const MAX_THIRD_PARTY_VERIFICATIONS = 64

const ALGORITHM_PREFIX = 'ed25519:'

/** An invite that redeems a third-party invite: .1 of the rule on invites. */
export function checkThirdPartyInvite(change: MembershipChange): Verdict {
  const { event, target, state, rules } = change
  const rule = (part: number) => `${memberRuleNumbers(rules).invite}.1.${part}`
  // .1.1 If target user is banned, reject.
  if (membershipOf(state, target) === 'ban') return refuse(rule(1), 'invite_target_banned', `${target} is banned from the room.`)
  // .1.2 If content.third_party_invite does not have a signed property, reject.
  const invite = event.content.third_party_invite
  const signed = isJsonObject(invite) ? invite.signed : undefined
  if (!isJsonObject(signed)) {
    return refuse(
      rule(2),
      'third_party_invite_malformed',
      'The invite says that it redeems an invite by a third party, but carries no proof.',
    )
  }
  // .1.3 If signed does not have mxid and token properties, reject.
  const { mxid, token } = signed
  if (typeof mxid !== 'string' || typeof token !== 'string') {
    return refuse(rule(3), 'third_party_invite_malformed', 'The proof of a third-party invite must name a user and a token.')
  }
  // .1.4 If mxid does not match state_key, reject.
  if (mxid !== target)
    return refuse(rule(4), 'third_party_invite_for_other_user', `The third-party invite is for ${mxid}, not for ${target}.`)
  // .1.5 If there is no m.room.third_party_invite event in the current room state with state_key matching token, reject.
  const issued = state.get('m.room.third_party_invite', token)
  if (issued === undefined) return refuse(rule(5), 'third_party_invite_unknown', 'The room has no third-party invite with this token.')
  // .1.6 If sender does not match sender of the m.room.third_party_invite, reject.
  if (issued.sender !== event.sender) {
    return refuse(
      rule(6),
      'third_party_invite_of_other_sender',
      `The third-party invite is from ${issued.sender}, not from ${event.sender}.`,
    )
  }
  // .1.7 If any signature in signed matches any public key in the m.room.third_party_invite event, allow.
  if (isSignedByAny(signed, publicKeysOf(issued))) return ALLOWED
  // .1.8 Otherwise, reject.
  return refuse(rule(8), 'third_party_invite_signature_invalid', 'The proof of the third-party invite is not signed by a key of the room.')
}

/** Keys in the content of an `m.room.third_party_invite`: `public_key`, then the entries of `public_keys` (.1.7.1 and .1.7.2). */
function publicKeysOf(issued: RoomEvent): Uint8Array[] {
  const { public_key: single, public_keys: list } = issued.content
  const encoded: unknown[] = [single]
  if (Array.isArray(list)) encoded.push(...list.map((entry: unknown) => (isJsonObject(entry) ? entry.public_key : undefined)))
  return encoded.flatMap((key) => (typeof key === 'string' ? (decodeBase64(key) ?? []) : []))
}

/** Whether any Ed25519 signature on an object is valid under any of the keys, trying at most {@link MAX_THIRD_PARTY_VERIFICATIONS} pairs. */
function isSignedByAny(signed: JsonObject, keys: readonly Uint8Array[]): boolean {
  const message = payloadOf(signed)
  if (message === undefined) return false
  let left = MAX_THIRD_PARTY_VERIFICATIONS
  for (const signature of signaturesOn(signed)) {
    for (const key of keys) {
      if (left === 0) return false
      left -= 1
      if (ed25519Verify(key, message, signature)) return true
    }
  }
  return false
}

function payloadOf(signed: JsonObject): string | undefined {
  try {
    return signedPayload(signed)
  } catch (error) {
    if (error instanceof MatrixError) return undefined
    throw error
  }
}

function* signaturesOn(signed: JsonObject): Generator<Uint8Array> {
  if (!isJsonObject(signed.signatures)) return
  for (const [serverName, entry] of Object.entries(signed.signatures)) {
    if (!isJsonObject(entry)) continue
    for (const keyId of Object.keys(entry)) {
      const signature = keyId.startsWith(ALGORITHM_PREFIX) ? signatureOf(signed, serverName, keyId) : undefined
      if (signature !== undefined) yield signature
    }
  }
}
