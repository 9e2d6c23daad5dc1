import { describe, expect, it } from 'vitest'
import { home } from '../../../support/crash-worker.ts'
import { MatrixClient } from '../../../support/matrix-client.ts'
import {
  ALICE,
  BOB,
  CAROL,
  complete,
  EVE,
  ingest,
  isMember,
  joinPartially,
  prepare,
  tellWhole,
  type World,
} from '../../../support/partial-world.ts'
import { SlidingObserver } from '../../../support/sliding-observer.ts'

/*
 * Rooms on a connection of sliding sync whose members are yet to come (MSC3902).
 */

const VERSION = '11'
const listed = (requiredState: readonly (readonly [string, string])[]) => ({
  lists: { all: { ranges: [[0, 9]], timeline_limit: 5, required_state: requiredState } },
})
const EVERYBODY = listed([
  ['m.room.create', ''],
  ['m.room.member', '*'],
])
const LAZY = listed([
  ['m.room.create', ''],
  ['m.room.member', '$LAZY'],
])

let names = 0
/** Somebody of this server who has joined without the members. */
async function newcomer() {
  names += 1
  const client = await MatrixClient.register(home, `newcomer${names}`)
  const world = await prepare(VERSION, client.userId)
  await joinPartially(world, VERSION)
  return { client, world, roomId: world.room.roomId }
}

async function completed(world: World): Promise<void> {
  await tellWhole(world, world.copy)
  await complete(world.copy)
}

const membersOf = (room: { readonly state: ReadonlyMap<string, { readonly type: string; readonly state_key?: string }> } | undefined) =>
  [...(room?.state.values() ?? [])].flatMap(({ type, state_key }) => (type === 'm.room.member' ? [state_key ?? ''] : [])).sort()

describe('a room whose members are not known yet', () => {
  it.each([
    ['all members', EVERYBODY, [ALICE, BOB, CAROL, EVE]],
    ['all state', listed([['*', '*']]), [ALICE, BOB, CAROL, EVE]],
    ['a member of another server', listed([['m.room.member', BOB]]), [BOB]],
  ])('is not shown to who wants %s, and is new when they are known', async (_what, wanted, theirs) => {
    const { client, world, roomId } = await newcomer()
    const observer = new SlidingObserver(client, 'all')
    expect((await observer.once(wanted)).rooms).toEqual({})
    const said = world.join.branch.next(ALICE, 'm.room.message', { body: 'meanwhile' })
    expect(await ingest(world.copy, said.event)).toBe('accepted')
    expect((await observer.once(wanted)).rooms).toEqual({})
    // A poll waits, and is answered by the completion.
    const waiting = observer.once(wanted, 25_000)
    await completed(world)
    let { rooms } = await waiting
    for (let polls = 0; polls < 3 && rooms[roomId] === undefined; polls += 1) ({ rooms } = await observer.once(wanted, 25_000))
    expect(rooms[roomId]).toMatchObject({ initial: true, joined_count: 4 })
    const timeline = rooms[roomId]?.timeline ?? []
    expect(timeline.at(-1)?.event_id).toBe(said.event.eventId)
    expect(membersOf(observer.rooms.get(roomId)).filter((userId) => userId !== client.userId)).toEqual(theirs)
    expect((await observer.once(wanted)).rooms).toEqual({})
  })

  it('is shown to who loads members lazily, who hears how many there are when they are known', async () => {
    const { client, world, roomId } = await newcomer()
    const observer = new SlidingObserver(client, 'lazy')
    const { rooms } = await observer.once(LAZY)
    expect(rooms[roomId]).toMatchObject({ initial: true })
    expect(membersOf(observer.rooms.get(roomId))).toContain(client.userId)
    await completed(world)
    const after = (await observer.once(LAZY)).rooms[roomId]
    expect(after).toMatchObject({ joined_count: 4 })
    expect(after?.initial).toBeUndefined()
    expect((await observer.once(LAZY)).rooms).toEqual({})
  })

  it('follows what the client asks for: shown once it asks for less, held back once it asks for more', async () => {
    const { client, world, roomId } = await newcomer()
    const observer = new SlidingObserver(client, 'changing')
    expect((await observer.once(EVERYBODY)).rooms).toEqual({})
    await world.copy.bringOutliers({ pdus: [...world.branch.state.values()].filter(isMember).map(({ pdu }) => pdu) })
    const one = world.join.branch.next(BOB, 'm.room.message', { body: 'one' })
    expect(await ingest(world.copy, one.event)).toBe('accepted')
    const shown = (await observer.once(LAZY)).rooms[roomId]
    expect(shown).toMatchObject({ initial: true })
    expect(membersOf(observer.rooms.get(roomId))).toEqual([BOB, client.userId].sort())
    expect((await observer.once(EVERYBODY)).rooms).toEqual({})
    const two = one.branch.next(BOB, 'm.room.message', { body: 'two' })
    expect(await ingest(world.copy, two.event)).toBe('accepted')
    expect((await observer.once(EVERYBODY)).rooms).toEqual({})
    await completed(world)
    expect((await observer.once(EVERYBODY)).rooms[roomId]).toMatchObject({ initial: true, joined_count: 4 })
    expect(membersOf(observer.rooms.get(roomId))).toEqual([ALICE, BOB, CAROL, EVE, client.userId].sort())
    expect(observer.rooms.get(roomId)?.timeline.slice(-2)).toEqual([one.event.eventId, two.event.eventId])
  })
})
