import { encodeBase64 } from '../../src/matrix/base64.ts'
import { ed25519Signer, sha256 } from '../../src/matrix/crypto.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { createSigner, signJson } from '../../src/matrix/signing.ts'
import { type Answer, call, type TestSession } from './api-client.ts'
import { ok } from './room-api.ts'

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
export function deviceKeysOf(session: Pick<TestSession, 'userId' | 'deviceId'>, name = session.deviceId): JsonObject {
  const { userId, deviceId } = session
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

/** Uploads keys; answers the response, whatever it is. */
export function upload(session: TestSession, body: object): Promise<Answer> {
  return call('POST', '/keys/upload', { token: session.token, body })
}

/** Uploads identity keys. */
export async function publish(session: TestSession): Promise<void> {
  ok(await upload(session, { device_keys: deviceKeysOf(session) }))
}

/** Asks for all keys of users. */
export async function query(session: TestSession, ...userIds: string[]): Promise<Answer['body']> {
  const body = { device_keys: Object.fromEntries(userIds.map((userId) => [userId, []])) }
  return ok(await call('POST', '/keys/query', { token: session.token, body })).body
}

/** Claims one key of a device; answers its name and body. */
export async function claim(
  session: TestSession,
  target: Pick<TestSession, 'userId' | 'deviceId'>,
): Promise<[string, JsonObject] | undefined> {
  const body = { one_time_keys: { [target.userId]: { [target.deviceId]: 'signed_curve25519' } } }
  const answer = ok(await call('POST', '/keys/claim', { token: session.token, body })).body
  const keys: Record<string, JsonObject> | undefined = answer.one_time_keys[target.userId]?.[target.deviceId]
  return keys === undefined ? undefined : Object.entries(keys)[0]
}

/** One sync. */
export async function syncOnce(session: TestSession, since?: string, timeout = 0): Promise<Answer['body']> {
  const query = new URLSearchParams({ timeout: String(timeout), ...(since === undefined ? {} : { since }) })
  return ok(await call('GET', `/sync?${query}`, { token: session.token })).body
}

let transactions = 0

/** Sends contents to devices: `{[userId]: {[deviceId]: content}}`. */
export function send(session: TestSession, messages: object, type = 'm.test', txnId?: string): Promise<Answer> {
  transactions += 1
  return call('PUT', `/sendToDevice/${type}/${txnId ?? `txn${transactions}`}`, { token: session.token, body: { messages } })
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
