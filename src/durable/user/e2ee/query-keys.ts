import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import { readDeviceStream } from '../../../storage/peers/outbox.ts'
import { readAccount } from '../../../storage/user/account.ts'
import { type CrossSigningUsage, readCrossSigningKey } from '../../../storage/user/cross-signing.ts'
import { listDeviceKeys, readDeviceKeys } from '../../../storage/user/device-keys.ts'
import { readDevice } from '../../../storage/user/devices.ts'
import { type KeySignatureRow, signaturesOver, signaturesOverUsers } from '../../../storage/user/key-signatures.ts'
import type { UserCore } from '../user-core.ts'

/** What a user publishes: JSON objects as text. */
export interface PublishedKeys {
  readonly devices: readonly (readonly [deviceId: string, keys: string])[]
  readonly master: string | undefined
  readonly selfSigning: string | undefined
  /** For the user's own devices only. */
  readonly userSigning: string | undefined
}

/** A user who publishes nothing. */
export const NO_KEYS: PublishedKeys = { devices: [], master: undefined, selfSigning: undefined, userSigning: undefined }

/** Who asks for keys: the user themselves, another user of this server, another server. */
export type KeyReader = 'self' | 'user' | 'server'

/**
 * The keys of this user with every signature by the user's own keys (client-server-api#post_matrixclientv3keysquery).
 * @param deviceIds the devices asked for; none: all.
 */
export function publishedKeys(core: UserCore, deviceIds: readonly string[], reader: KeyReader): PublishedKeys {
  if (readAccount(core.store)?.state !== 'active') return NO_KEYS
  const rows =
    deviceIds.length === 0
      ? listDeviceKeys(core.store)
      : [...new Set(deviceIds)].flatMap((deviceId) => {
          const keys = readDeviceKeys(core.store, deviceId)
          return keys === undefined ? [] : { deviceId, keys }
        })
  return {
    devices: rows.map(({ deviceId, keys }): [string, string] => [deviceId, deviceJson(core, deviceId, keys, reader)]),
    master: publishedCrossSigningKey(core, 'master'),
    selfSigning: publishedCrossSigningKey(core, 'self_signing'),
    userSigning: reader === 'self' ? publishedCrossSigningKey(core, 'user_signing') : undefined,
  }
}

function deviceJson(core: UserCore, deviceId: string, keys: string, reader: KeyReader): string {
  const isTold = reader !== 'server' || core.config.federateDeviceNames
  const displayName = isTold ? readDevice(core.store, deviceId)?.displayName : undefined
  const signed = signedDeviceKeys(core, deviceId, keys)
  return JSON.stringify({ ...signed, unsigned: displayName === undefined ? {} : { device_display_name: displayName } })
}

/** Identity keys of a device with the signatures over them. */
export function signedDeviceKeys(core: UserCore, deviceId: string, keys: string): JsonObject {
  return withSignatures(JSON.parse(keys), core.userId, signaturesOver(core.store, core.userId, deviceId))
}

/** A cross-signing key with the signatures over it, as JSON. */
export function publishedCrossSigningKey(core: UserCore, usage: CrossSigningUsage): string | undefined {
  const row = readCrossSigningKey(core.store, usage)
  if (row === undefined) return undefined
  const signatures = usage === 'master' ? signaturesOver(core.store, core.userId, row.publicKey) : []
  return signatures.length === 0 ? row.key : JSON.stringify(withSignatures(JSON.parse(row.key), core.userId, signatures))
}

/** What other servers may see. */
export interface KeysForServer {
  /** Whether there is an account that is not deactivated. */
  readonly active: boolean
  readonly keys: PublishedKeys
  /** The number of the latest change of devices. */
  readonly stream: number
}

/** The keys of this user as other servers see them. */
export function keysForServer(core: UserCore, deviceIds: readonly string[]): KeysForServer {
  const active = readAccount(core.store)?.state === 'active'
  const stream = core.store.exists() ? readDeviceStream(core.store) : 0
  return { active, keys: publishedKeys(core, deviceIds, 'server'), stream }
}

/** This user's signatures over the master keys of others, which nobody else sees. */
export function signaturesOverOthers(core: UserCore, userIds: readonly string[]): KeySignatureRow[] {
  return signaturesOverUsers(
    core.store,
    userIds.filter((userId) => userId !== core.userId),
  )
}

/** A key object with further signatures of one user. */
export function withSignatures(object: JsonValue, signerId: string, signatures: readonly KeySignatureRow[]): JsonObject {
  const key = isJsonObject(object) ? object : {}
  if (signatures.length === 0) return key
  const all = isJsonObject(key.signatures) ? key.signatures : {}
  const own = isJsonObject(all[signerId]) ? all[signerId] : {}
  const added = Object.fromEntries(signatures.map(({ signer, signature }) => [signer, signature]))
  return { ...key, signatures: { ...all, [signerId]: { ...own, ...added } } }
}
