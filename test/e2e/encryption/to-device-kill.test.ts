import { afterAll, beforeAll, expect, it } from 'vitest'
import { homeserver } from '../../support/crash-server.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const COUNT = 1_000

interface ToDeviceSync {
  readonly next_batch: string
  readonly to_device: { readonly events: readonly { readonly content: { readonly n: number } }[] }
}

let server: ServerProcess

beforeAll(async () => {
  server = await startServerProcess()
})
afterAll(async () => {
  await server.stop()
})

it(`${COUNT} messages to a device that is away survive the whole server being killed, in order, and are gone after their acknowledgement`, {
  timeout: 240_000,
}, async () => {
  const alice = await MatrixClient.register(homeserver(server), 'alice')
  const bob = await MatrixClient.register(homeserver(server), 'bob')
  const send = (n: number) =>
    alice.call('PUT', `/v3/sendToDevice/m.test/t${n}`, { body: { messages: { [bob.userId]: { [bob.deviceId]: { n } } } } })
  for (let n = 0; n < COUNT; n += 1) {
    await send(n)
    if (n % 400 === 399) {
      await server.kill9()
      await server.restart()
    }
  }
  await server.kill9()
  await server.restart()
  // Repeating the last request sends nothing, and lets what waits go out at once.
  await send(COUNT - 1)
  await send(COUNT)
  const seen: number[] = []
  let since: string | undefined
  await expect
    .poll(
      async () => {
        const response = await bob.call<ToDeviceSync>('GET', '/v3/sync', { query: { since, timeout: '0' } })
        since = response.next_batch
        seen.push(...response.to_device.events.map(({ content }) => content.n))
        return seen.length
      },
      { timeout: 60_000, interval: 100 },
    )
    .toBe(COUNT + 1)
  expect(seen).toEqual(Array.from({ length: COUNT + 1 }, (_, n) => n))
  const { next_batch } = await bob.call<ToDeviceSync>('GET', '/v3/sync', { query: { since } })
  await server.kill9()
  await server.restart()
  const after = await bob.call<ToDeviceSync>('GET', '/v3/sync', { query: { since: next_batch } })
  expect(after.to_device.events).toEqual([])
})
