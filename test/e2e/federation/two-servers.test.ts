import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type FederatedServer, startFederation } from '../../support/federation-pair.ts'
import type { MatrixClient } from '../../support/matrix-client.ts'

let federation: Awaited<ReturnType<typeof startFederation>>
let here: FederatedServer
let there: FederatedServer
let alice: MatrixClient
let bob: MatrixClient

beforeAll(async () => {
  federation = await startFederation(2)
  const [first, second] = federation.servers
  if (first === undefined || second === undefined) throw new Error('two servers are needed')
  here = first
  there = second
  alice = await here.register('alice')
  bob = await there.register('bob')
}, 120_000)

afterAll(async () => {
  if (process.env.SHOW_OUTPUT) for (const server of federation.servers) console.log(server.name, server.process.output())
  await federation?.stop()
})

/** Joins a room through a server. */
async function joinVia(client: MatrixClient, roomId: string, via: string): Promise<void> {
  await client.call('POST', `/v3/join/${encodeURIComponent(roomId)}`, { query: { via }, body: {} })
}

async function bodies(client: MatrixClient, roomId: string): Promise<unknown[]> {
  return (await client.history(roomId)).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
}

describe.each(['10', '11', '12'])('a room of version %s on two servers', (version) => {
  it('is joined, and messages go both ways in order', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, name: 'shared' })
    await joinVia(bob, roomId, here.name)
    expect(await bob.joinedRooms()).toContain(roomId)
    expect(await bob.joinedMembers(roomId)).toEqual([alice.userId, bob.userId].sort())
    const name = await bob.call<{ name: string }>('GET', `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.name`)
    expect(name).toEqual({ name: 'shared' })
    for (let n = 0; n < 10; n += 1) {
      await alice.send(roomId, `alice ${n}`)
      await bob.send(roomId, `bob ${n}`)
    }
    const wanted = (list: unknown[]): boolean => list.length === 20
    const atAlice = await eventually(() => bodies(alice, roomId), wanted)
    const atBob = await eventually(() => bodies(bob, roomId), wanted)
    expect([...atAlice].sort()).toEqual([...atBob].sort())
    const ofAlice = Array.from({ length: 10 }, (_, n) => `alice ${n}`)
    expect(atBob.filter((body) => String(body).startsWith('alice'))).toEqual(ofAlice)
  })
})
