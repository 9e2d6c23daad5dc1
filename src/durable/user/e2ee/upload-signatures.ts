import { decodeBase64 } from '../../../matrix/base64.ts'
import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import { signatureKeyIds, verifyJsonSignature } from '../../../matrix/signing.ts'
import { readCrossSigningKey } from '../../../storage/user/cross-signing.ts'
import { readDeviceKeys } from '../../../storage/user/device-keys.ts'
import { countSignatures, type KeySignatureRow, signaturesOver, writeSignature } from '../../../storage/user/key-signatures.ts'
import { wakeParkedSoon } from '../parking-wake.ts'
import type { Requester } from '../session-base.ts'
import type { UserCore } from '../user-core.ts'
import { publicKeyOf } from './cross-signing.ts'
import { announceDevices } from './device-changes.ts'
import type { DeviceChange } from './server-edus.ts'

/** Signatures of an account. */
const MAX_SIGNATURES = 20_000

/** A signed object: whose key it is, under which ID, and what the client sent. */
export interface SignedKey {
  readonly userId: string
  /** Device ID, or public half of a master key. */
  readonly target: string
  readonly object: JsonObject
  /** The key as it is published, for keys of other users; the user's own are looked up here. */
  readonly published?: string | undefined
}

/** Why a signature was not stored. */
export interface SignatureFailure {
  readonly userId: string
  readonly target: string
  readonly errcode: string
  readonly error: string
}

/** A signature's fate. */
type Verdict = { readonly rows: readonly KeySignatureRow[] } | { readonly errcode: string; readonly error: string }

const NOT_FOUND: Verdict = { errcode: 'M_NOT_FOUND', error: 'There is no such key' }
const DIFFERENT: Verdict = { errcode: 'M_INVALID_PARAM', error: 'That is not the key that is published' }
const INVALID: Verdict = { errcode: 'M_INVALID_SIGNATURE', error: 'Invalid signature' }

/**
 * Stores signatures by this user's keys, each on its own merits (client-server-api#post_matrixclientv3keyssignaturesupload, SECURITY D8): of the self-signing
 * key over own devices, of own devices over the own master key, of the user-signing key over master keys of others.
 */
export function uploadSignatures(core: UserCore, requester: Requester, keys: readonly SignedKey[]): SignatureFailure[] {
  const failures: SignatureFailure[] = []
  const fresh: KeySignatureRow[] = []
  let room = MAX_SIGNATURES - countSignatures(core.store)
  for (const key of keys) {
    const verdict = judge(core, key)
    if (!('rows' in verdict)) {
      failures.push({ userId: key.userId, target: key.target, errcode: verdict.errcode, error: verdict.error })
      continue
    }
    const known = signaturesOver(core.store, key.userId, key.target)
    const rows = verdict.rows.filter((row) => !known.some(({ signer, signature }) => signer === row.signer && signature === row.signature))
    room -= rows.length
    if (room >= 0) fresh.push(...rows)
    else failures.push({ userId: key.userId, target: key.target, errcode: 'M_TOO_LARGE', error: 'There are too many signatures' })
  }
  if (fresh.length > 0) core.store.transaction(requester.requestId, () => storeSignatures(core, fresh))
  return failures
}

function storeSignatures(core: UserCore, rows: readonly KeySignatureRow[]): void {
  for (const row of rows) writeSignature(core.store, row)
  const others = new Set(rows.flatMap(({ userId }) => (userId === core.userId ? [] : [userId])))
  // Only this user sees what they think of others.
  for (const userId of others) core.e2ee.inbox.writeChange(userId)
  const own = new Set(rows.flatMap(({ userId, target }) => (userId === core.userId ? [target] : [])))
  const changes = [...own].map((target): DeviceChange => {
    return readDeviceKeys(core.store, target) === undefined ? { crossSigning: true } : { device: target }
  })
  if (changes.length > 0) announceDevices(core, ...changes)
  else wakeParkedSoon(core)
}

function judge(core: UserCore, key: SignedKey): Verdict {
  if (key.userId !== core.userId) return judgeOther(core, key)
  const device = readDeviceKeys(core.store, key.target)
  if (device !== undefined) return judgeWith(key, device, core.userId, ownSigner(core, 'self_signing'))
  const master = readCrossSigningKey(core.store, 'master')
  if (master?.publicKey !== key.target) return NOT_FOUND
  return judgeWith(key, master.key, core.userId, (signer) => deviceSigner(core, signer))
}

function judgeOther(core: UserCore, key: SignedKey): Verdict {
  const published: JsonValue = key.published === undefined ? null : JSON.parse(key.published)
  if (key.published === undefined || !isJsonObject(published) || publicKeyOf(published) !== key.target) return NOT_FOUND
  return judgeWith(key, key.published, core.userId, ownSigner(core, 'user_signing'))
}

/** The public key behind a key identifier, if that key may sign. */
type FindSigner = (signer: string) => string | undefined

function ownSigner(core: UserCore, usage: 'self_signing' | 'user_signing'): FindSigner {
  const publicKey = readCrossSigningKey(core.store, usage)?.publicKey
  return (signer) => (signer === `ed25519:${publicKey}` ? publicKey : undefined)
}

function deviceSigner(core: UserCore, signer: string): string | undefined {
  const keys = readDeviceKeys(core.store, signer.slice(signer.indexOf(':') + 1))
  const object: JsonValue = keys === undefined ? null : JSON.parse(keys)
  const key = isJsonObject(object) && isJsonObject(object.keys) ? object.keys[signer] : undefined
  return typeof key === 'string' ? key : undefined
}

function judgeWith(key: SignedKey, published: string, signerId: string, findSigner: FindSigner): Verdict {
  const { userId, target, object } = key
  try {
    if (bare(object) !== bare(JSON.parse(published))) return DIFFERENT
  } catch (cause) {
    if (cause instanceof MatrixError) return DIFFERENT
    throw cause
  }
  const rows: KeySignatureRow[] = []
  for (const signer of signatureKeyIds(object, signerId)) {
    const publicKey = findSigner(signer)
    // Signatures that came with the key are sent along by clients; they are none of ours.
    if (publicKey === undefined) continue
    if (!verifyJsonSignature(object, signerId, signer, decodeBase64(publicKey) ?? new Uint8Array())) return INVALID
    const entry = isJsonObject(object.signatures) ? object.signatures[signerId] : undefined
    const signature = isJsonObject(entry) ? entry[signer] : undefined
    if (typeof signature === 'string') rows.push({ userId, target, signer, signature })
  }
  return rows.length === 0 ? INVALID : { rows }
}

/** What signatures cover. */
function bare(object: JsonValue): string {
  if (!isJsonObject(object)) return ''
  const { signatures: _signatures, unsigned: _unsigned, ...rest } = object
  return canonicalJson(rest)
}
