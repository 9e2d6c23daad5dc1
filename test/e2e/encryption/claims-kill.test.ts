import { afterAll, beforeAll, expect, it } from 'vitest'
import { homeserver } from '../../support/crash-server.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const KEYS = 50
const CLAIMS_AT_ONCE = 10

interface Claimed {
  readonly one_time_keys: Readonly<Record<string, Readonly<Record<string, object>>>>
}

let server: ServerProcess

beforeAll(async () => {
  server = await startServerProcess()
})
afterAll(async () => {
  await server.stop()
})

it('no one-time key is handed out twice although the server is killed in the middle of claims (D6)', { timeout: 120_000 }, async () => {
  const alice = await MatrixClient.register(homeserver(server), 'alice')
  const bob = await MatrixClient.register(homeserver(server), 'bob')
  const names = Array.from({ length: KEYS }, (_, n) => `signed_curve25519:key${n}`)
  await alice.call('POST', '/v3/keys/upload', {
    body: {
      one_time_keys: Object.fromEntries(names.map((name) => [name, { key: name }])),
      fallback_keys: { 'signed_curve25519:fall': { key: 'fall', fallback: true } },
    },
  })
  const claim = async (): Promise<string> => {
    const body = { one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } } }
    const { one_time_keys: keys } = await bob.call<Claimed>('POST', '/v3/keys/claim', { body })
    return Object.keys(keys[alice.userId]?.[alice.deviceId] ?? {})[0] ?? 'none'
  }
  const seen: string[] = []
  for (let round = 0; !seen.includes('signed_curve25519:fall'); round += 1) {
    // A claim that is broken off may spend its key without anybody seeing it.
    const claims = Array.from({ length: CLAIMS_AT_ONCE }, () => claim().then((name) => seen.push(name)))
    const settled = Promise.allSettled(claims)
    if (round % 2 === 1) {
      await Promise.race(claims).catch(() => undefined)
      await server.kill9()
      await server.restart()
    }
    await settled
  }
  const oneTime = seen.filter((name) => name !== 'signed_curve25519:fall')
  expect(new Set(oneTime).size).toBe(oneTime.length)
  expect(oneTime.length).toBeGreaterThan(KEYS / 4)
  expect(await claim()).toBe('signed_curve25519:fall')
})
