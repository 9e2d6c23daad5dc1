import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/federation-pair.ts'
import type { GiantRoom } from '../../support/giant-room.ts'
import { type GiantWorld, startGiantWorld } from '../../support/giant-world.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import type { ServerProcess } from '../../support/server-process.ts'

const SIZE = { members: 300, earlier: 2, servers: 40 }

let world: GiantWorld
let giant: GiantRoom
let server: ServerProcess

beforeAll(async () => {
  world = await startGiantWorld(SIZE)
  ;({ giant, server } = world)
}, 120_000)

afterAll(() => world?.stop())

const register = (localpart: string) => MatrixClient.register({ url: server.url, fetch }, localpart)
const join = (client: MatrixClient) =>
  client.call('POST', `/v3/join/${encodeURIComponent(giant.room.roomId)}`, { query: { via: giant.owner.serverName }, body: {} })

/** Has the answer to the next join stop in its middle: `reached` is that moment, `goOn` ends it. */
function stopHalfway(): { readonly reached: Promise<void>; readonly goOn: () => void } {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let isFirst = true
  giant.owner.on('PUT', /\/v2\/send_join\//, async (request) => {
    const whole = giant.answer(request)
    if (!isFirst) return whole
    isFirst = false
    const bytes = new Uint8Array(await whole.arrayBuffer())
    const parts = [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)]
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (parts.length === 1) {
          reached.resolve()
          await released.promise
        }
        const part = parts.shift()
        if (part === undefined) controller.close()
        else controller.enqueue(part)
      },
    })
    return new Response(body)
  })
  return { reached: reached.promise, goOn: () => released.resolve() }
}

describe('joining a room of many members of many servers that cannot be reached', () => {
  it('goes on when the room’s object ends in the middle, though nobody asks again', async () => {
    const carol = await register('carol')
    const { reached, goOn } = stopHalfway()
    const asked = join(carol).catch(() => 'refused')
    await reached
    await server.control('POST', '/abort', { object: 'room', name: giant.room.roomId })
    goOn()
    await asked
    await eventually(
      () => carol.joinedRooms(),
      (rooms) => rooms.includes(giant.room.roomId),
      60_000,
    )
    expect(await carol.joinedMembers(giant.room.roomId)).toHaveLength(SIZE.members + 2)
    await carol.call('POST', `/v3/rooms/${encodeURIComponent(giant.room.roomId)}/leave`, { body: {} })
  }, 120_000)

  it('goes on when the server is killed in the middle, though nobody asks again', async () => {
    const alice = await register('alice')
    const { reached } = stopHalfway()
    const asked = join(alice).catch(() => undefined)
    await reached
    await server.kill9()
    await asked
    await server.restart()
    await eventually(
      () => alice.joinedRooms(),
      (rooms) => rooms.includes(giant.room.roomId),
      60_000,
    )
    expect(await alice.joinedMembers(giant.room.roomId)).toHaveLength(SIZE.members + 2)
  }, 120_000)

  it('brings its state: members, names and the power to speak', async () => {
    const bob = await register('bob')
    await join(bob)
    const members = await bob.joinedMembers(giant.room.roomId)
    expect(members).toHaveLength(SIZE.members + 3)
    expect(members).toContain('@member7:server7.example')
    await bob.send(giant.room.roomId, 'hello, everybody')
    const texts = (await bob.history(giant.room.roomId)).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
    expect(texts).toEqual(['hello, everybody'])
  })
})
