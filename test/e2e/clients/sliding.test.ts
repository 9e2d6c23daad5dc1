import type { MatrixClient } from 'matrix-js-sdk'
import { SlidingSync } from 'matrix-js-sdk/lib/sliding-sync.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { registerWithSdk, startSdkClient, waitUntil } from '../../support/sdk-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const ROOMS = 30
const FIRST_WINDOW = 20

let server: ServerProcess
let alice: MatrixClient
let bob: MatrixClient
const rooms: string[] = []

beforeAll(async () => {
  server = await startServerProcess()
  const [aliceLogin, bobLogin] = [
    await registerWithSdk(server.url, 'alice', 'a long password'),
    await registerWithSdk(server.url, 'bob', 'a long password'),
  ]
  alice = await startSdkClient(server.url, aliceLogin)
  for (let n = 0; n < ROOMS; n += 1) {
    const { room_id } = await alice.createRoom({ name: `room ${n}`, invite: [bobLogin.userId] })
    await alice.joinRoom(room_id)
    rooms.push(room_id)
  }
  const setup = await startSdkClient(server.url, bobLogin)
  for (const roomId of rooms) await setup.joinRoom(roomId)
  setup.stopClient()
  const { createClient } = await import('matrix-js-sdk')
  bob = createClient({ baseUrl: server.url, ...bobLogin })
  const list = {
    ranges: [[0, FIRST_WINDOW - 1]],
    timeline_limit: 1,
    required_state: [
      ['m.room.name', ''],
      ['m.room.encryption', ''],
      ['m.room.member', '$LAZY'],
      ['m.room.member', '$ME'],
    ],
  }
  const sliding = new SlidingSync(
    server.url,
    new Map([['all_rooms', list]]),
    { timeline_limit: 20, required_state: [['*', '*']] },
    bob,
    5000,
  )
  await bob.startClient({ slidingSync: sliding })
}, 120_000)

afterAll(async () => {
  alice?.stopClient()
  bob?.stopClient()
  await server?.stop()
})

it('gives matrix-js-sdk its first window of rooms, the latest first, with names', async () => {
  await waitUntil('the first window', () => bob.getRooms().length >= FIRST_WINDOW)
  const latest = rooms.slice(-FIRST_WINDOW)
  for (const roomId of latest) expect(bob.getRoom(roomId)?.name).toBe(`room ${rooms.indexOf(roomId)}`)
})

it('brings a room outside the window when it moves to the top, and its message', async () => {
  const oldest = rooms[0] ?? ''
  const { event_id } = await alice.sendTextMessage(oldest, 'to the top')
  await waitUntil('the message', () => bob.getRoom(oldest)?.findEventById(event_id) !== undefined)
  expect(bob.getRoom(oldest)?.name).toBe('room 0')
})

it('goes on after a power failure without losing a message', async () => {
  await server.kill9()
  await server.restart()
  const top = rooms.at(-1) ?? ''
  const { event_id } = await alice.sendTextMessage(top, 'after the restart')
  await waitUntil('the message', () => bob.getRoom(top)?.findEventById(event_id) !== undefined, 40_000)
}, 60_000)
