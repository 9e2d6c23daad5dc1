import { env } from 'cloudflare:workers'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Caller } from '../../../../src/durable/protocol.ts'
import { Room } from '../../../../src/durable/room/room.ts'
import type { RoomWindow, WindowRequest } from '../../../../src/durable/sync-protocol.ts'
import { MAX_HELD_ROOMS } from '../../../../src/durable/user/sync-token.ts'
import { notFound } from '../../../../src/matrix/errors.ts'
import { type Outcome, refusal } from '../../../../src/runtime/outcome.ts'
import { logIn, type TestSession } from '../../../support/api-client.ts'
import { createRoom, join, leave, ok, people, say } from '../../../support/room-api.ts'
import { bodiesOf, followUntil, poll, sync } from '../../../support/sync-api.ts'

type Failure = 'throws' | 'refuses' | 'works'

/** Rooms that cannot say their part of a sync; empties itself. */
function failingRooms(): Map<string, Failure> {
  const failing = new Map<string, Failure>()
  const { window } = Room.prototype
  Room.prototype.window = function (this: Room, caller: Caller, request: WindowRequest): Promise<Outcome<RoomWindow>> {
    const failure = failing.get(Reflect.get(this, 'ctx').id.name)
    if (failure === 'throws') throw new Error('broken by a test')
    if (failure === 'refuses') return Promise.resolve(refusal(notFound()))
    return Reflect.apply(window, this, [caller, request])
  }
  onTestFinished(() => {
    Room.prototype.window = window
  })
  return failing
}

async function inRooms(count: number): Promise<{ readonly alice: TestSession; readonly bob: TestSession; readonly roomIds: string[] }> {
  const [alice, bob] = await people(2)
  if (alice === undefined || bob === undefined) throw new Error('nobody')
  const roomIds: string[] = []
  for (let index = 0; index < count; index += 1) roomIds.push(await createRoom(alice, { preset: 'public_chat' }))
  for (const roomId of roomIds) ok(await join(bob, roomId))
  return { alice, bob, roomIds }
}

describe.each(['throws', 'refuses'] as const)('a room that %s when it is asked for its part of a sync', (failure) => {
  it('keeps nobody from hearing of the others, and tells everything later, once', async () => {
    const { alice, bob, roomIds } = await inRooms(2)
    const [sound = '', broken = ''] = roomIds
    const failing = failingRooms()
    const first = await sync(bob)
    failing.set(broken, failure)
    ok(await say(alice, broken, 'one'))
    ok(await say(alice, sound, 'heard'))
    const heard = await followUntil(bob, first.next_batch, sound, 1)
    expect(heard.bodies).toEqual(['heard'])
    ok(await say(alice, broken, 'two'))
    const still = await sync(bob, heard.next, { timeout: 500 })
    expect(still.rooms.join).toEqual({})
    failing.set(broken, 'works')
    const healed = await followUntil(bob, still.next_batch, broken, 2)
    expect(healed.bodies).toEqual(['one', 'two'])
    expect((await sync(bob, healed.next)).rooms.join).toEqual({})
  })

  it('is new to a client whose first sync it missed', async () => {
    const { alice, bob, roomIds } = await inRooms(1)
    const [roomId = ''] = roomIds
    ok(await say(alice, roomId, 'one'))
    const failing = failingRooms()
    failing.set(roomId, failure)
    const first = await sync(bob)
    expect(first.rooms.join).toEqual({})
    failing.clear()
    const { timeline, state } = (await sync(bob, first.next_batch)).rooms.join[roomId] ?? {}
    expect([...(state?.events ?? []), ...(timeline?.events ?? [])].map(({ type }) => type)).toContain('m.room.create')
  })

  it('loses nothing while the user leaves it, and where the object of the user ends', async () => {
    const { alice, bob, roomIds } = await inRooms(1)
    const [roomId = ''] = roomIds
    const failing = failingRooms()
    const first = await sync(bob)
    failing.set(roomId, failure)
    ok(await say(alice, roomId, 'one'))
    const missed = await sync(bob, first.next_batch, { timeout: 500 })
    expect(missed.rooms.join).toEqual({})
    await env.USER.get(env.USER.idFromName(bob.userId))
      .abortForTest()
      .catch(() => undefined)
    ok(await leave(bob, roomId))
    failing.clear()
    const left = await sync(bob, missed.next_batch)
    expect(bodiesOf(left, roomId)).toEqual(['one'])
    expect(left.rooms.leave[roomId]?.timeline.events.at(-1)?.content.membership).toBe('leave')
  })

  it('holds back each device by itself', async () => {
    const { alice, bob, roomIds } = await inRooms(1)
    const [roomId = ''] = roomIds
    const other = await logIn(bob.localpart)
    const failing = failingRooms()
    const [mine, theirs] = [await sync(bob), await sync(other)]
    failing.set(roomId, failure)
    ok(await say(alice, roomId, 'one'))
    const missed = await sync(bob, mine.next_batch, { timeout: 500 })
    failing.clear()
    const heard = await followUntil(other, theirs.next_batch, roomId, 1)
    expect(heard.bodies).toEqual(['one'])
    expect((await followUntil(bob, missed.next_batch, roomId, 1)).bodies).toEqual(['one'])
  })
})

it('answers 500 where more rooms fail than a token can hold back, and goes on from the old token', { timeout: 60_000 }, async () => {
  const { alice, bob, roomIds } = await inRooms(MAX_HELD_ROOMS + 1)
  const failing = failingRooms()
  const first = await sync(bob)
  for (const roomId of roomIds) {
    failing.set(roomId, 'throws')
    ok(await say(alice, roomId, 'one'))
  }
  await expect.poll(async () => (await poll(bob, first.next_batch, { timeout: 500 })).status).toBe(500)
  failing.clear()
  const later = await sync(bob, first.next_batch)
  expect(roomIds.map((roomId) => bodiesOf(later, roomId))).toEqual(roomIds.map(() => ['one']))
})
