import type { JsonObject } from '../../src/matrix/json.ts'
import { type Answer, call, type TestSession } from './api-client.ts'
import { deviceKeysOf } from './made-keys.ts'
import { ok } from './room-api.ts'

export { crossSigningKeys, deviceKeysOf, keyNamed, oneTimeKeys } from './made-keys.ts'

/** Uploads keys; answers the response, whatever it is. */
export function upload(session: TestSession, body: object | string): Promise<Answer> {
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
