import { listDurableObjectIds } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
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
  expect([...statuses].sort()).toEqual([200, 401, 403, 404])
  expect(costTotals().rpc ?? 0).toBe(rpcBefore)
  expect(await objects()).toBe(before)
})
