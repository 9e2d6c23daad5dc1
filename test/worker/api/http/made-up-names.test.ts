import { listDurableObjectIds } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { ENDPOINTS } from '../../../../src/api/index.ts'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { randomString } from '../../../../src/runtime/random.ts'
import { call, registerAccount } from '../../../support/api-client.ts'

const REQUESTS = 10_000
const BATCH = 50

/** A request that names something that does not exist, in one of the ways there are. */
function madeUp(index: number, valid: string): Parameters<typeof call> {
  const name = randomString(12).toLowerCase()
  const userId = `@${name}:test.example`
  const roomId = index % 2 === 0 ? `!${name}:test.example` : `!${randomString(43)}`
  const localpart = Buffer.from(name).toString('base64url')
  const token = `mya_${localpart}_${randomString(24)}_${randomString(16)}`
  const ways: Parameters<typeof call>[] = [
    ['GET', '/account/whoami', { token }],
    ['GET', '/sync', { token: randomString(40) }],
    ['GET', `/account/whoami?access_token=${token}`],
    ['POST', '/refresh', { body: { refresh_token: token.replace('mya_', 'myr_') } }],
    ['POST', '/refresh', { body: { refresh_token: valid } }],
    ['GET', `/profile/${userId}`],
    ['GET', `/profile/${userId}/displayname`],
    ['GET', `/profile/@${name}:elsewhere.example`],
    ['GET', `/user/${userId}/account_data/m.direct`, { token: valid }],
    ['PUT', `/user/${userId}/account_data/m.direct`, { token: valid, body: {} }],
    ['GET', `/rooms/${encodeURIComponent(roomId)}/state`, { token }],
    ['PUT', `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/1`, { token, body: {} }],
    ['GET', `/register/available?username=${name}`],
    ['POST', '/register', { body: { username: name } }],
  ]
  return ways[index % ways.length] ?? ['GET', '/']
}

it(`${REQUESTS} requests with made-up tokens, users and rooms name no object`, { timeout: 300_000 }, async () => {
  const { token } = await registerAccount()
  const objects = async () => (await listDurableObjectIds(env.USER)).length + (await listDurableObjectIds(env.ROOM)).length
  const [before, rpcBefore] = [await objects(), costTotals().rpc ?? 0]
  // Registering was counted, so the counter counts.
  expect(rpcBefore).toBeGreaterThan(0)
  let statuses = new Set<number>()
  for (let start = 0; start < REQUESTS; start += BATCH) {
    const answers = await Promise.all(Array.from({ length: BATCH }, (_, offset) => call(...madeUp(start + offset, token))))
    statuses = new Set([...statuses, ...answers.map(({ status }) => status)])
  }
  // 502 says that a server which does not exist was asked for a profile.
  expect([...statuses].sort()).toEqual([200, 401, 403, 404, 502])
  expect(costTotals().rpc ?? 0).toBe(rpcBefore)
  expect(await objects()).toBe(before)
})

it('every endpoint that takes the name of a room or a user can be asked for ones that do not exist, and names no object', {
  timeout: 120_000,
}, async () => {
  const { token } = await registerAccount()
  const objects = async () => (await listDurableObjectIds(env.USER)).length + (await listDurableObjectIds(env.ROOM)).length
  const before = await objects()
  const userId = '@nobody-of-that-name:test.example'
  const body = { user_id: userId, devices: [], device_keys: { [userId]: [] }, messages: { [userId]: { '*': {} } }, membership: 'join' }
  const rooms = ['!nobody-of-that-name:test.example', `!${randomString(43)}`, `!${'x'.repeat(400)}:test.example`, '!', 'x', '__proto__']
  let asked = 0
  for (const { method, paths, auth } of ENDPOINTS) {
    if (auth === 'server' || !paths.some((path) => /:(roomId|roomIdOrAlias|userId)\b/.test(path))) continue
    for (const room of rooms) {
      const path = (paths[0] ?? '').replace(/:(\w+)\??/g, (_, name: string) =>
        encodeURIComponent(name === 'userId' ? userId : name.startsWith('roomId') ? room : name === 'eventId' ? '$made-up' : 'made-up'),
      )
      const { status } = await call(method, path, { token, ...(method === 'GET' ? {} : { body }) })
      expect([200, 400, 403, 404, 502], `${method} ${path}: ${status}`).toContain(status)
      asked += 1
    }
  }
  for (const path of ['/keys/query', '/keys/claim'])
    await call('POST', path, { token, body: { ...body, one_time_keys: { [userId]: { X: 'y' } } } })
  await call('PUT', '/sendToDevice/m.test/txn', { token, body })
  expect(asked).toBeGreaterThan(150)
  expect(await objects()).toBe(before)
})
