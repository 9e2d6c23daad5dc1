import { decodeBase64 } from '../../../matrix/base64.ts'
import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { badJson, forbidden, invalidParam, invalidSignature, missingParam, tooLarge } from '../../../matrix/errors.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { verifyJsonSignature } from '../../../matrix/signing.ts'
import {
  type CrossSigningKeyRow,
  type CrossSigningUsage,
  readCrossSigningKey,
  writeCrossSigningKey,
} from '../../../storage/user/cross-signing.ts'
import { readDevice } from '../../../storage/user/devices.ts'
import { deleteSignaturesBy, deleteSignaturesOver } from '../../../storage/user/key-signatures.ts'
import { type UiaRequest, type UiaResult, withUserConfirmation } from '../accounts-uia.ts'
import type { Requester } from '../session-base.ts'
import type { UserCore } from '../user-core.ts'
import { announceDevices } from './device-changes.ts'

/** Canonical JSON of a cross-signing key, in characters. */
const MAX_KEY_CHARS = 32 * 1024
const ED25519_KEY_BYTES = 32

/** Cross-signing keys that a client uploads; absent ones stay as they are. */
export interface CrossSigningUpload {
  readonly master: JsonObject | undefined
  readonly selfSigning: JsonObject | undefined
  readonly userSigning: JsonObject | undefined
}

/**
 * Stores cross-signing keys (client-server-api#post_matrixclientv3keysdevice_signingupload, SECURITY D7, A14). The first keys are free, and so are the ones
 * that are there already; anything else the user must confirm.
 * @throws MatrixError M_INVALID_PARAM, M_INVALID_SIGNATURE, M_MISSING_PARAM, M_FORBIDDEN, M_TOO_LARGE.
 */
export async function uploadCrossSigningKeys(
  core: UserCore,
  requester: Requester,
  upload: CrossSigningUpload,
  uia: UiaRequest,
): Promise<UiaResult<void>> {
  const { store } = core
  const keys = checkUpload(core, upload)
  const isNew = (key: CrossSigningKeyRow): boolean => readCrossSigningKey(store, key.usage)?.key !== key.key
  if (!keys.some(isNew)) return { done: undefined }
  const storeAll = (): void => {
    store.transaction(requester.requestId, () => {
      // The user may have taken their time to confirm: everything is looked at as it is now.
      for (const key of checkUpload(core, upload)) replaceKey(core, key)
      announceDevices(core, { crossSigning: true })
    })
  }
  if (readCrossSigningKey(store, 'master') !== undefined) return withUserConfirmation(core, requester, uia, storeAll)
  storeAll()
  return { done: undefined }
}

function checkUpload(core: UserCore, upload: CrossSigningUpload): CrossSigningKeyRow[] {
  const master = upload.master === undefined ? undefined : parseKey(core, 'master', upload.master)
  const masterKey = master?.publicKey ?? readCrossSigningKey(core.store, 'master')?.publicKey
  if (masterKey === undefined) throw missingParam('There is no master key')
  const subordinate = (usage: CrossSigningUsage, value: JsonObject | undefined): CrossSigningKeyRow[] => {
    if (value === undefined) return []
    const publicKey = decodeBase64(masterKey) ?? new Uint8Array()
    if (!verifyJsonSignature(value, core.userId, `ed25519:${masterKey}`, publicKey)) {
      throw invalidSignature(`The ${usage} key is not signed by the master key`)
    }
    return [parseKey(core, usage, value)]
  }
  return [
    ...(master === undefined ? [] : [master]),
    ...subordinate('self_signing', upload.selfSigning),
    ...subordinate('user_signing', upload.userSigning),
  ]
}

function parseKey(core: UserCore, usage: CrossSigningUsage, object: JsonObject): CrossSigningKeyRow {
  if (object.user_id !== core.userId) throw invalidParam(`The ${usage} key is of another user`)
  if (!Array.isArray(object.usage) || !object.usage.includes(usage)) throw invalidParam(`The ${usage} key is for something else`)
  const publicKey = publicKeyOf(object)
  if (publicKey === undefined) throw invalidParam(`The ${usage} key is not one Ed25519 key`)
  // Verification takes master keys for devices of that ID.
  if (readDevice(core.store, publicKey) !== undefined) throw forbidden('Key ID in use')
  if (object.signatures !== undefined && !isJsonObject(object.signatures)) throw badJson(`${usage}.signatures`)
  const json = canonicalJson(object)
  if (json.length > MAX_KEY_CHARS) throw tooLarge(`The ${usage} key is too large`)
  return { usage, publicKey, key: json }
}

/** The one public key of a cross-signing key, if it is well-formed: `{"ed25519:<key>": "<key>"}`. */
export function publicKeyOf(object: JsonObject): string | undefined {
  const entries = isJsonObject(object.keys) ? Object.entries(object.keys) : []
  const [name, key] = entries.length === 1 ? (entries[0] ?? []) : []
  if (typeof key !== 'string' || name !== `ed25519:${key}`) return undefined
  return decodeBase64(key)?.length === ED25519_KEY_BYTES ? key : undefined
}

/** What an older key signed, and what was said of it, is worth nothing any more. */
function replaceKey(core: UserCore, key: CrossSigningKeyRow): void {
  const old = readCrossSigningKey(core.store, key.usage)
  if (old?.key === key.key) return
  if (old !== undefined && old.publicKey !== key.publicKey) {
    deleteSignaturesBy(core.store, `ed25519:${old.publicKey}`)
    deleteSignaturesOver(core.store, core.userId, old.publicKey)
  }
  writeCrossSigningKey(core.store, key)
}
