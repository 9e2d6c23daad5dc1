import { encodeBase64 } from '../../../matrix/base64.ts'
import { parsePublicKey } from '../../../matrix/events/event-signatures.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { signatureKeyIds, verifyJsonSignature } from '../../../matrix/signing.ts'
import type { ServerKeyRow } from '../../../storage/d1/server-keys.ts'
import { MAX_KEY_VALIDITY_MS, MAX_KEYS_PER_RESPONSE } from '../limits.ts'

/** What a server's answer about its keys is worth. */
export type KeyResponseVerdict =
  | { readonly ok: true; readonly keys: readonly ServerKeyRow[]; readonly validUntilTs: number }
  | { readonly ok: false; readonly reason: string }

const KEY_ID = /^ed25519:\w{1,128}$/

/**
 * Checks an answer of `/_matrix/key/v2/server` (server-server-api#publishing-keys): it is about this server and signed by each of its current keys
 * that has signed it at all, by one at least. Keys of other algorithms or lengths are left out. Never throws.
 * @param via the notary that told, `''` for the server itself.
 * @param nowMs when it was fetched: validity is cut at seven days from here (SECURITY F5).
 */
export function checkKeyResponse(response: JsonObject, serverName: string, via: string, nowMs: number): KeyResponseVerdict {
  if (response.server_name !== serverName) return refused('it is about another server')
  const statedTs = response.valid_until_ts
  if (typeof statedTs !== 'number' || !Number.isSafeInteger(statedTs) || statedTs <= 0) return refused('valid_until_ts is not a time')
  const current = entriesOf(response.verify_keys)
  const old = entriesOf(response.old_verify_keys ?? {})
  if (current === undefined || old === undefined) return refused('too many keys, or none')
  const validUntilTs = Math.min(statedTs, nowMs + MAX_KEY_VALIDITY_MS)
  const common = { serverName, via, fetchedTs: nowMs }
  const keys: ServerKeyRow[] = []
  for (const [keyId, publicKey] of current)
    keys.push({ ...common, keyId, publicKey: encodeBase64(publicKey), validUntilTs, retired: false })
  if (!isSignedBy(response, serverName, current)) return refused('it is not signed by its own keys')
  for (const [keyId, publicKey, expiredTs] of old) {
    if (expiredTs === undefined || current.some(([id]) => id === keyId)) continue
    keys.push({ ...common, keyId, publicKey: encodeBase64(publicKey), validUntilTs: Math.min(expiredTs, nowMs), retired: true })
  }
  return { ok: true, keys, validUntilTs }
}

type KeyEntry = readonly [keyId: string, publicKey: Uint8Array, expiredTs: number | undefined]

function entriesOf(keys: unknown): KeyEntry[] | undefined {
  if (!isJsonObject(keys)) return undefined
  const entries = Object.entries(keys)
  if (entries.length > MAX_KEYS_PER_RESPONSE) return undefined
  return entries.flatMap(([keyId, entry]): KeyEntry[] => {
    if (!KEY_ID.test(keyId) || !isJsonObject(entry)) return []
    const publicKey = parsePublicKey(entry.key)
    const expiredTs = typeof entry.expired_ts === 'number' && Number.isSafeInteger(entry.expired_ts) ? entry.expired_ts : undefined
    return publicKey === undefined ? [] : [[keyId, publicKey, expiredTs]]
  })
}

function isSignedBy(response: JsonObject, serverName: string, keys: readonly KeyEntry[]): boolean {
  const signing = signatureKeyIds(response, serverName)
  const own = keys.filter(([keyId]) => signing.includes(keyId))
  return own.length > 0 && own.every(([keyId, publicKey]) => verifyJsonSignature(response, serverName, keyId, publicKey))
}

function refused(reason: string): KeyResponseVerdict {
  return { ok: false, reason }
}
