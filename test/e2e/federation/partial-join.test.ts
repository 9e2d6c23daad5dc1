import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/matrix/json.ts'
import { eventually } from '../../support/federation-pair.ts'
import type { GiantRoom } from '../../support/giant-room.ts'
import { type GiantWorld, startGiantWorld } from '../../support/giant-world.ts'
import { bodyOf } from '../../support/hostile-server.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import type { ServerProcess } from '../../support/server-process.ts'

const SIZE = { members: 300, earlier: 2, servers: 40 }
const WAIT_MS = 60_000
const LAZY = JSON.stringify({ room: { state: { lazy_load_members: true }, timeline: { lazy_load_members: true } } })

let world: GiantWorld
let giant: GiantRoom
let server: ServerProcess
/** Events that the server under test has sent to the one that has the room. */
const received: JsonObject[] = []

beforeAll(async () => {
  world = await startGiantWorld(SIZE)
  ;({ giant, server } = world)
  giant.omitsMembers = true
  giant.owner.on('PUT', /\/v1\/send\//, (request) => {
    const { pdus } = bodyOf(request)
    if (Array.isArray(pdus)) received.push(...(pdus as JsonObject[]))
    return Response.json({ pdus: {} })
  })
}, 120_000)

afterAll(() => world?.stop())

const sent = (body: string): boolean =>
  received.some(({ content }) => typeof content === 'object' && content !== null && 'body' in content && content.body === body)

describe('a large room whose server leaves its members out', () => {
  it('can be spoken in before they are known, is completed after a kill, and is exact then', async () => {
    const alice = await MatrixClient.register({ url: server.url, fetch }, 'alice')
    const gate = Promise.withResolvers<void>()
    giant.stateGate = gate.promise
    await alice.call('POST', `/v3/join/${encodeURIComponent(giant.room.roomId)}`, { query: { via: giant.owner.serverName }, body: {} })
    await eventually(
      async () => giant.owner.asked(/\/v1\/state_ids\//),
      (times) => times > 0,
      WAIT_MS,
    )
    await alice.send(giant.room.roomId, 'already here')
    await eventually(
      async () => sent('already here'),
      (isThere) => isThere,
      WAIT_MS,
    )
    // Whoever wants all members is not shown the room yet; whoever does not is.
    expect((await alice.sync({ filter: LAZY })).rooms?.join?.[giant.room.roomId]).toBeDefined()
    expect((await alice.sync()).rooms?.join?.[giant.room.roomId]).toBeUndefined()
    await server.kill9()
    await server.restart()
    await alice.send(giant.room.roomId, 'still here')
    gate.resolve()
    await eventually(
      async () => (await alice.sync()).rooms?.join?.[giant.room.roomId] !== undefined,
      (isThere) => isThere,
      WAIT_MS,
    )
    const members = await alice.joinedMembers(giant.room.roomId)
    expect(members).toHaveLength(SIZE.members + 2)
    expect(members).toContain('@member7:server7.example')
    await eventually(
      async () => sent('still here'),
      (isThere) => isThere,
      WAIT_MS,
    )
  }, 180_000)
})
