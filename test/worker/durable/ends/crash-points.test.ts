import { beforeAll, describe, expect, it } from 'vitest'
import { expectMembershipsAgree, expectSameAsRoom } from '../../../support/crash-checks.ts'
import {
  advanceClock,
  answered,
  type CrashPoint,
  countCallsOf,
  crashAt,
  endObject,
  failNextFlush,
  fireRoomAlarm,
  home,
  repeatRoomAlarm,
} from '../../../support/crash-worker.ts'
import { MatrixClient } from '../../../support/matrix-client.ts'
import { SyncObserver } from '../../../support/sync-observer.ts'

/*
 * Every point of the protocol between rooms and users (docs/design/feed.md) at which one of them can end. Nothing may be lost, and what the
 * alarm has to finish must have been planned in the commit that it finishes.
 */

/** Longer than a room waits before it settles. */
const SETTLE_MS = 60_000
/** Longer than a user without a poll counts as awake. */
const ASLEEP_MS = 10 * 60_000

let alice: MatrixClient
let bob: MatrixClient

beforeAll(async () => {
  alice = await MatrixClient.register(home, 'alice')
  bob = await MatrixClient.register(home, 'bob')
})

function points(method: CrashPoint['method']): CrashPoint[] {
  return (['user', 'room'] as const).flatMap((victim) => (['before', 'after'] as const).map((when) => ({ method, when, victim })))
}

async function roomOfBoth(): Promise<string> {
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  return roomId
}

async function observe(client: MatrixClient): Promise<SyncObserver> {
  const observer = new SyncObserver(client)
  await observer.once()
  return observer
}

async function expectCurrent(observer: SyncObserver, roomId: string): Promise<void> {
  await answered(() => observer.once())
  await expectSameAsRoom(observer, roomId, await answered(() => observer.client.history(roomId)))
}

/** Changes of Bob's membership: what comes before, who does it, and what his devices are told. */
const changes = {
  invite: { before: [], perform: (roomId: string) => alice.moderate('invite', roomId, bob.userId), told: 'invite' },
  join: { before: ['invite'], perform: (roomId: string) => bob.join(roomId), told: 'join' },
  leave: { before: ['invite', 'join'], perform: (roomId: string) => bob.leave(roomId), told: 'leave' },
  kick: { before: ['invite', 'join'], perform: (roomId: string) => alice.moderate('kick', roomId, bob.userId), told: 'leave' },
  ban: { before: ['invite', 'join'], perform: (roomId: string) => alice.moderate('ban', roomId, bob.userId), told: 'leave' },
  rejection: { before: ['invite'], perform: (roomId: string) => bob.leave(roomId), told: 'leave' },
} as const
const changeNames = ['invite', 'join', 'leave', 'kick', 'ban', 'rejection'] as const

describe.each(points('membership'))('the $victim ends $when the user takes a notice of its own membership', (point) => {
  it.each(changeNames)('%s: room, user and devices agree after the alarm', async (name) => {
    const change = changes[name]
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    for (const step of change.before) await changes[step].perform(roomId)
    const observer = await observe(bob)
    const happened = crashAt(point, roomId)
    // Answered or not: it is in the room, because the notice follows the commit.
    await change.perform(roomId).catch(() => undefined)
    expect(happened()).toBe(true)
    advanceClock(SETTLE_MS)
    await fireRoomAlarm(roomId)
    await expectMembershipsAgree([alice, bob], [roomId])
    await answered(() => observer.once())
    expect(observer.invites.has(roomId) ? 'invite' : observer.rooms.get(roomId)?.section).toBe(change.told)
    if (change.told === 'join') await expectCurrent(observer, roomId)
  })
})

describe.each(points('hint'))('the $victim ends $when the user takes a hint', (point) => {
  it('and the user has the event once the room has settled', async () => {
    const roomId = await roomOfBoth()
    const observer = await observe(bob)
    const happened = crashAt(point, roomId)
    await answered(() => alice.send(roomId, 'rung once'))
    await expect.poll(happened).toBe(true)
    advanceClock(SETTLE_MS)
    await fireRoomAlarm(roomId)
    await expectCurrent(observer, roomId)
  })

  it('and a waiting poll is answered or asked again, without a gap', async () => {
    const roomId = await roomOfBoth()
    const observer = await observe(bob)
    const poll = observer.once(3000).catch(() => undefined)
    const happened = crashAt(point, roomId)
    await answered(() => alice.send(roomId, 'rung once'))
    await expect.poll(happened).toBe(true)
    await poll
    advanceClock(SETTLE_MS)
    await fireRoomAlarm(roomId)
    await expectCurrent(observer, roomId)
  })

  it('and the next event brings the lost one with it', async () => {
    const roomId = await roomOfBoth()
    const observer = await observe(bob)
    const happened = crashAt(point, roomId)
    await answered(() => alice.send(roomId, 'lost'))
    await expect.poll(happened).toBe(true)
    await answered(() => alice.send(roomId, 'next'))
    await answered(() => observer.once(3000))
    await expectCurrent(observer, roomId)
  })
})

describe.each(points('settle'))('the $victim ends $when the user settles', (point) => {
  it('and settles at the next attempt', async () => {
    const roomId = await roomOfBoth()
    const observer = await observe(bob)
    await alice.send(roomId, 'to be settled')
    advanceClock(SETTLE_MS)
    const happened = crashAt(point, roomId)
    await fireRoomAlarm(roomId).catch(() => undefined)
    expect(happened()).toBe(true)
    advanceClock(2 * SETTLE_MS)
    await (point.victim === 'room' ? repeatRoomAlarm(roomId) : fireRoomAlarm(roomId))
    await endObject('user', bob.userId)
    await expectCurrent(observer, roomId)
  })
})

describe.each(['before', 'after'] as const)('the user ends in a flush, %s it is written', (when) => {
  it('of what a room settles, and settles at the next attempt', async () => {
    const roomId = await roomOfBoth()
    const observer = await observe(bob)
    await alice.send(roomId, 'to be flushed')
    await observer.once()
    const happened = failNextFlush(when)
    advanceClock(SETTLE_MS)
    await fireRoomAlarm(roomId)
    expect(happened()).toBe(true)
    await alice.send(roomId, 'after the flush')
    advanceClock(2 * SETTLE_MS)
    await fireRoomAlarm(roomId)
    await endObject('user', bob.userId)
    await expectCurrent(observer, roomId)
  })

  it.each(changeNames)('of its own membership (%s), which is told again', async (name) => {
    const change = changes[name]
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    for (const step of change.before) await changes[step].perform(roomId)
    const observer = await observe(bob)
    const happened = failNextFlush(when)
    await change.perform(roomId).catch(() => undefined)
    expect(happened()).toBe(true)
    advanceClock(SETTLE_MS)
    await fireRoomAlarm(roomId)
    await expectMembershipsAgree([alice, bob], [roomId])
    await answered(() => observer.once())
    expect(observer.invites.has(roomId) ? 'invite' : observer.rooms.get(roomId)?.section).toBe(change.told)
  })
})

describe('a user who sleeps', () => {
  async function fallAsleep(roomId: string): Promise<SyncObserver> {
    const observer = await observe(bob)
    await alice.send(roomId, 'before sleep')
    advanceClock(ASLEEP_MS)
    await fireRoomAlarm(roomId)
    return observer
  }

  it('is not rung, and is told everything at the next sync', async () => {
    const roomId = await roomOfBoth()
    const observer = await fallAsleep(roomId)
    const hints = countCallsOf('hint')
    await alice.send(roomId, 'asleep 1')
    await alice.send(roomId, 'asleep 2')
    expect(hints(), 'hints, Alice being asleep too').toBe(0)
    await expectCurrent(observer, roomId)
    await alice.send(roomId, 'awake')
    await answered(() => observer.once(3000))
    await expectCurrent(observer, roomId)
  })

  it.each(['user', 'room'] as const)('is told everything where the %s ended meanwhile', async (victim) => {
    const roomId = await roomOfBoth()
    const observer = await fallAsleep(roomId)
    await alice.send(roomId, 'asleep 1')
    await endObject(victim, victim === 'room' ? roomId : bob.userId)
    await answered(() => alice.send(roomId, 'asleep 2'))
    await expectCurrent(observer, roomId)
  })

  it('is told everything where it ends right after it has asked the room', async () => {
    const roomId = await roomOfBoth()
    const observer = await fallAsleep(roomId)
    await alice.send(roomId, 'asleep')
    const { since } = observer
    await bob.sync({ since, timeout: '0' })
    await endObject('user', bob.userId)
    await alice.send(roomId, 'rung again')
    await endObject('user', bob.userId)
    advanceClock(ASLEEP_MS + SETTLE_MS)
    await fireRoomAlarm(roomId)
    await expectCurrent(observer, roomId)
  })
})
