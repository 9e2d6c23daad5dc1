import { encodeBase64 } from '../../src/matrix/base64.ts'
import { ed25519Signer, sha256 } from '../../src/matrix/crypto.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { createSigner, signJson } from '../../src/matrix/signing.ts'

/*
 * Keys that are made rather than real: the server checks signatures, and never sees what is encrypted.
 */

/** An Ed25519 key by a name, the same each time. */
export function keyNamed(name: string) {
  const seed = sha256(name)
  const publicKey = encodeBase64(ed25519Signer(seed).publicKey)
  return {
    publicKey,
    /** The object with a signature of this key in a user's name, under the key's own ID or another one. */
    sign: (userId: string, object: JsonObject, keyId = publicKey): JsonObject =>
      signJson(object, createSigner(userId, `ed25519:${keyId}`, seed)),
  }
}

/** Identity keys of a device, signed by it. */
export function deviceKeysOf(device: { readonly userId: string; readonly deviceId: string }, name = device.deviceId): JsonObject {
  const { userId, deviceId } = device
  const key = keyNamed(`device ${userId} ${name}`)
  return key.sign(
    userId,
    {
      user_id: userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: { [`ed25519:${deviceId}`]: key.publicKey, [`curve25519:${deviceId}`]: keyNamed(`curve ${userId} ${name}`).publicKey },
    },
    deviceId,
  )
}

/** Named one-time keys: `signed_curve25519:<prefix><n>`. */
export function oneTimeKeys(count: number, prefix = 'key', extra: JsonObject = {}): Record<string, JsonObject> {
  const keys = Array.from({ length: count }, (_, n): [string, JsonObject] => [
    `signed_curve25519:${prefix}${n}`,
    { key: `${prefix}${n}`, signatures: {}, ...extra },
  ])
  return Object.fromEntries(keys)
}

/** A user's three cross-signing keys, signed as they should be. */
export function crossSigningKeys(userId: string, generation = 'first') {
  const [master, selfSigning, userSigning] = ['master', 'self_signing', 'user_signing'].map((usage) =>
    keyNamed(`${usage} ${userId} ${generation}`),
  )
  if (master === undefined || selfSigning === undefined || userSigning === undefined) throw new Error('three keys')
  const object = (usage: string, publicKey: string): JsonObject => ({
    user_id: userId,
    usage: [usage],
    keys: { [`ed25519:${publicKey}`]: publicKey },
  })
  return {
    master,
    selfSigning,
    userSigning,
    body: {
      master_key: object('master', master.publicKey),
      self_signing_key: master.sign(userId, object('self_signing', selfSigning.publicKey)),
      user_signing_key: master.sign(userId, object('user_signing', userSigning.publicKey)),
    },
  }
}
