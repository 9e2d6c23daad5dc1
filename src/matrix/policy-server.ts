import { decodeBase64 } from './base64.ts'
import { ED25519_KEY_BYTES, ed25519Verify } from './crypto.ts'
import { MatrixError } from './errors.ts'
import { essentialPayload } from './events/event-hashes.ts'
import { isServerName } from './ids/server-name.ts'
import { isJsonObject, type JsonObject } from './json.ts'
import type { RoomVersionRules } from './room-versions/rules.ts'
import { addSignature, signatureOf } from './signing.ts'

/** The state event, with an empty state key, that names a room's policy server (client-server-api#policy-servers). */
export const POLICY_TYPE = 'm.room.policy'
/** Under this key policy servers sign, whatever key a room has of them. */
const POLICY_KEY_ID = 'ed25519:policy_server'

/** A server that is asked whether events are wanted in a room, and the key by which its word is known. */
export interface PolicyServer {
  readonly serverName: string
  /** 32 bytes; only rooms say it, it is not among the keys that servers publish. */
  readonly publicKey: Uint8Array
}

/** The policy server that the content of {@link POLICY_TYPE} names; `undefined` where it names none that could sign. Whether it has joined is not looked at. */
export function policyServerNamed(content: JsonObject): PolicyServer | undefined {
  const { via, public_keys: keys } = content
  const encoded = isJsonObject(keys) && Object.hasOwn(keys, 'ed25519') ? keys.ed25519 : undefined
  if (typeof via !== 'string' || !isServerName(via) || typeof encoded !== 'string') return undefined
  const publicKey = decodeBase64(encoded)
  return publicKey?.length === ED25519_KEY_BYTES ? { serverName: via, publicKey } : undefined
}

/** Whether an event is for the policy server to judge: all but the one that names it are, so that a room can always do without it. */
export function isForPolicyServer({ type, stateKey }: { readonly type: string; readonly stateKey: string | undefined }): boolean {
  return type !== POLICY_TYPE || stateKey !== ''
}

/** Whether an event carries the policy server's valid signature (server-server-api#validating-policy-server-signatures). Never throws. */
export function isRecommended(pdu: JsonObject, rules: RoomVersionRules, { serverName, publicKey }: PolicyServer): boolean {
  const signature = signatureOf(pdu, serverName, POLICY_KEY_ID)
  if (signature === undefined) return false
  try {
    return ed25519Verify(publicKey, essentialPayload(pdu, rules), signature)
  } catch (cause) {
    if (cause instanceof MatrixError) return false
    throw cause
  }
}

/**
 * An event with the signature that the policy server has answered; `undefined` where the answer holds no valid one. Nothing else is taken from the answer, and the
 * event keeps the signatures that it has, also where its origin is the policy server.
 */
export function withRecommendation(
  pdu: JsonObject,
  rules: RoomVersionRules,
  policy: PolicyServer,
  answer: JsonObject,
): JsonObject | undefined {
  const { serverName } = policy
  const entry = Object.hasOwn(answer, serverName) ? answer[serverName] : undefined
  const signature = isJsonObject(entry) && Object.hasOwn(entry, POLICY_KEY_ID) ? entry[POLICY_KEY_ID] : undefined
  if (typeof signature !== 'string') return undefined
  const signed = { ...pdu, signatures: addSignature(pdu.signatures, { serverName, keyId: POLICY_KEY_ID }, signature) }
  return isRecommended(signed, rules, policy) ? signed : undefined
}
