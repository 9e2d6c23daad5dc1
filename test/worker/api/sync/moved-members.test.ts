import { describe, expect, it, onTestFinished } from 'vitest'
import { Room } from '../../../../src/durable/room/room.ts'
import { notFound } from '../../../../src/matrix/errors.ts'
import { refusal } from '../../../../src/runtime/outcome.ts'
import { home } from '../../../support/crash-worker.ts'
import { MatrixClient } from '../../../support/matrix-client.ts'
import { SlidingObserver, type SlidingResponse } from '../../../support/sliding-observer.ts'

/*
 * D13: who came and went is told in the end, also of rooms that cannot be asked at first and of those that the client wants to hear nothing of.
 */

let names = 0
async function person(): Promise<MatrixClient> {
  names += 1
  return await MatrixClient.register(home, `mover${names}`)
}

type Failure = 'throws' | 'refuses'

/** Rooms that do not say something; empties itself. */
function silence(method: 'memberChanges' | 'joinedAmong', isFailing: (roomId: string) => Failure | undefined): void {
  const original = Reflect.get(Room.prototype, method)
  Reflect.set(Room.prototype, method, function (this: Room, ...args: unknown[]): unknown {
    const failure = isFailing(Reflect.get(this, 'ctx').id.name)
    if (failure === 'throws') throw new Error('broken by a test')
    return failure === 'refuses' ? Promise.resolve(refusal(notFound())) : Reflect.apply(original, this, args)
  })
  onTestFinished(() => void Reflect.set(Room.prototype, method, original))
}

const body = { extensions: { e2ee: { enabled: true } } }
const listsOf = (response: SlidingResponse): { changed: string[]; left: string[] } => response.extensions.e2ee.device_lists

describe.each<Failure>(['throws', 'refuses'])('a room that %s when it is asked who came and went', (failure) => {
  it('holds up no other, and tells it later', async () => {
    const [alice, bob, carol] = [await person(), await person(), await person()]
    const broken = await bob.createRoom({ preset: 'public_chat' })
    const sound = await bob.createRoom({ preset: 'public_chat' })
    const failing = new Map([[broken, failure]])
    silence('memberChanges', (roomId) => failing.get(roomId))
    const observer = new SlidingObserver(bob, 'encryption')
    await observer.once(body)
    await alice.join(broken)
    await carol.join(sound)
    const changed = new Set<string>()
    for (let n = 0; n < 2; n += 1) for (const userId of listsOf(await observer.once(body)).changed) changed.add(userId)
    expect(changed).toEqual(new Set([carol.userId]))
    // Nor is it passed over by what happens meanwhile.
    await carol.leave(sound)
    expect(listsOf(await observer.once(body)).left).toEqual([carol.userId])
    failing.clear()
    expect(listsOf(await observer.once(body)).changed).toEqual([alice.userId])
    expect(listsOf(await observer.once(body))).toEqual({ changed: [], left: [] })
  })
})

it('counts as changed whom a room may still have that cannot be asked', async () => {
  const [alice, bob] = [await person(), await person()]
  const roomId = await bob.createRoom({ preset: 'public_chat' })
  const other = await bob.createRoom({ preset: 'public_chat' })
  await alice.join(roomId)
  const observer = new SlidingObserver(bob, 'encryption')
  await observer.once(body)
  let isBroken = true
  silence('joinedAmong', (asked) => (isBroken && asked === other ? 'throws' : undefined))
  await alice.leave(roomId)
  expect(listsOf(await observer.once(body))).toEqual({ changed: [alice.userId], left: [] })
  isBroken = false
  await alice.join(roomId)
  await observer.once(body)
  await alice.leave(roomId)
  expect(listsOf(await observer.once(body)).left).toEqual([alice.userId])
})

it('tells a classic client of rooms that its filter leaves out', async () => {
  const [alice, bob] = [await person(), await person()]
  const roomId = await bob.createRoom({ preset: 'public_chat' })
  const filter = JSON.stringify({ room: { not_rooms: [roomId] } })
  const first = await bob.sync({ filter })
  await alice.join(roomId)
  const joined = await bob.sync({ filter, since: first.next_batch })
  expect(joined.rooms?.join ?? {}).toEqual({})
  expect(Reflect.get(joined, 'device_lists')).toEqual({ changed: [alice.userId], left: [] })
  await alice.leave(roomId)
  const left = await bob.sync({ filter, since: joined.next_batch })
  expect(left.rooms?.join ?? {}).toEqual({})
  expect(Reflect.get(left, 'device_lists')).toEqual({ changed: [], left: [alice.userId] })
})
