import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, type FederatedPair, type FederatedServer, startPair } from '../../support/federation-pair.ts'
import type { MatrixClient } from '../../support/matrix-client.ts'

let pair: FederatedPair
let here: FederatedServer
let there: FederatedServer

beforeAll(async () => {
  pair = await startPair()
  ;({ here, there } = pair)
}, 120_000)

afterAll(() => pair?.stop())

async function bodies(client: MatrixClient, roomId: string): Promise<unknown[]> {
  return (await client.history(roomId)).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
}

function topic(client: MatrixClient, roomId: string): Promise<unknown> {
  return client.call('GET', `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.topic`)
}

it('heals a fork made while neither server reached the other, each killed in between', { timeout: 120_000 }, async () => {
  const { alice, bob } = pair
  const roomId = await alice.createRoom({ preset: 'public_chat', initial_state: [] })
  await bob.call('POST', `/v3/join/${encodeURIComponent(roomId)}`, { query: { via: here.name }, body: {} })
  await alice.sendState(roomId, 'm.room.power_levels', '', { users: { [bob.userId]: 50 } })
  await alice.send(roomId, 'before')
  await eventually(
    () => bodies(bob, roomId),
    (list) => list.includes('before'),
  )
  await there.process.kill9()
  for (let n = 0; n < 5; n += 1) await alice.send(roomId, `alice alone ${n}`)
  await alice.sendState(roomId, 'm.room.topic', '', { topic: 'of alice' })
  await here.process.kill9()
  await there.process.restart()
  for (let n = 0; n < 5; n += 1) await bob.send(roomId, `bob alone ${n}`)
  await bob.sendState(roomId, 'm.room.topic', '', { topic: 'of bob' })
  await here.process.restart()
  await alice.send(roomId, 'back')
  await bob.send(roomId, 'me too')
  const wanted = (list: unknown[]): boolean => list.length === 13
  const atAlice = await eventually(() => bodies(alice, roomId), wanted, 60_000)
  const atBob = await eventually(() => bodies(bob, roomId), wanted, 60_000)
  expect([...atAlice].sort()).toEqual([...atBob].sort())
  expect(await topic(alice, roomId)).toEqual(await topic(bob, roomId))
})
