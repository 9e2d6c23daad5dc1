import { describe, expect, it } from 'vitest'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { caller } from '../../../support/local-room.ts'
import {
  ALICE,
  BOB,
  CAROL,
  type Copy,
  complete,
  EVE,
  ingest,
  isMember,
  joinPartially,
  LOCAL,
  prepare,
  tellWhole,
  type World,
} from '../../../support/partial-world.ts'
import type { RemoteBranch } from '../../../support/remote-events.ts'

/*
 * Events that were judged by states which were incomplete, and what the whole state makes of them.
 */

const memberKey = (userId: string): string => `m.room.member\u0000${userId}`

/** A branch as somebody has it who says that Eve was never banned. */
const unbanned = ({ eveJoined }: World, branch: RemoteBranch): RemoteBranch =>
  branch.mergedWith(branch.cutOff(), new Map([...branch.state, [memberKey(EVE), eveJoined]]))

/** A branch whose events cite that Carol is in the room. */
const withCarol = ({ branch: { state } }: World, branch: RemoteBranch): RemoteBranch =>
  branch.mergedWith(branch.cutOff(), new Map([...branch.state, [memberKey(CAROL), state.get(memberKey(CAROL)) ?? expect.fail()]]))

async function joined(version: string): Promise<World> {
  const world = await prepare(version)
  await joinPartially(world, version)
  const members = [...world.branch.state.values(), world.eveJoined].filter(isMember)
  await world.copy.bringOutliers({ pdus: members.map(({ pdu }) => pdu) })
  return world
}

const content = async (copy: Copy, type: string, stateKey: string): Promise<unknown> => {
  const found = await copy.stateEvent(caller(LOCAL), { type, stateKey, format: 'content' })
  return found.ok ? JSON.parse(found.value) : found.error.errcode
}
const isShown = async (copy: Copy, eventId: string): Promise<boolean> => (await copy.event(caller(LOCAL), { eventId })).ok
const stateBefore = async (copy: Copy, eventId: string): Promise<string[]> =>
  [...unwrap(await copy.stateIdsForServer('other.example', eventId)).state].sort()
const idsOf = (state: RemoteBranch['state']): string[] => [...state.values()].map(({ eventId }) => eventId).sort()

describe.each(['10', '12'])('states of a room of version %s that were incomplete', (version) => {
  it('E7: heal: what was accepted wrongly takes its state back, what was rejected for it counts, and states are as with a whole answer', async () => {
    const world = await joined(version)
    const { copy, join } = world
    const bob = join.branch.next(BOB, 'm.room.message', { body: 'one' })
    const topic = unbanned(world, bob.branch).next(EVE, 'm.room.topic', { topic: 'by whom was banned' }, '')
    const ban = topic.branch.next(EVE, 'm.room.member', { membership: 'ban' }, CAROL)
    const rename = withCarol(world, ban.branch).next(CAROL, 'm.room.member', { membership: 'join', displayname: 'Carol' }, CAROL)
    // As who never believed Eve has the room: Carol was always there.
    const after = bob.branch.with(rename.event).next(BOB, 'm.room.message', { body: 'two' })
    for (const { event } of [bob, topic, ban]) expect(await ingest(copy, event)).toBe('accepted')
    // Who has been banned, as far as anybody here can know, does not rename themselves.
    expect(await ingest(copy, rename.event)).toBe('rejected')
    expect(await ingest(copy, after.event)).toBe('accepted')
    expect(await content(copy, 'm.room.topic', '')).toEqual({ topic: 'by whom was banned' })
    expect(await content(copy, 'm.room.member', CAROL)).toEqual({ membership: 'ban' })
    expect(await copy.stateIdsForServer('other.example', after.event.eventId)).toMatchObject({ error: { errcode: 'M_FORBIDDEN' } })

    await tellWhole(world, copy)
    await complete(copy)
    expect(await content(copy, 'm.room.topic', '')).toBe('M_NOT_FOUND')
    expect(await content(copy, 'm.room.member', CAROL)).toEqual({ membership: 'join', displayname: 'Carol' })
    expect(await content(copy, 'm.room.member', EVE)).toEqual({ membership: 'ban' })
    for (const { event } of [topic, ban, rename]) expect(await isShown(copy, event.eventId)).toBe(false)
    for (const { event } of [bob, after]) expect(await isShown(copy, event.eventId)).toBe(true)
    const whole = join.branch.state
    expect(await stateBefore(copy, bob.event.eventId)).toEqual(idsOf(whole))
    expect(await stateBefore(copy, after.event.eventId)).toEqual(idsOf(new Map([...whole, [memberKey(CAROL), rename.event]])))
    expect(Object.keys(JSON.parse(unwrap(await copy.joinedMembers(caller(LOCAL)))).joined).sort()).toEqual([ALICE, BOB, CAROL, LOCAL])
    // The room goes on from there, for who was banned as for everybody.
    const carol = after.branch.next(CAROL, 'm.room.message', { body: 'three' })
    expect(await ingest(copy, carol.event)).toBe('accepted')
    expect(await isShown(copy, carol.event.eventId)).toBe(true)
  })

  it('E9: heal: what was soft-failed for what was accepted wrongly counts as state for what builds on it', async () => {
    const world = await joined(version)
    const { copy, join } = world
    const bob = join.branch.next(BOB, 'm.room.message', { body: 'one' })
    const ban = unbanned(world, bob.branch).next(EVE, 'm.room.member', { membership: 'ban' }, CAROL)
    // Beside the ban, so that only current state is against it.
    const rename = bob.branch.next(CAROL, 'm.room.member', { membership: 'join', displayname: 'Carol' }, CAROL)
    const both = rename.branch.mergedWith(ban.branch).next(BOB, 'm.room.message', { body: 'two' })
    for (const { event } of [bob, ban]) expect(await ingest(copy, event)).toBe('accepted')
    expect(await ingest(copy, rename.event)).toBe('soft_failed')
    expect(await ingest(copy, both.event)).toBe('accepted')
    await tellWhole(world, copy)
    await complete(copy)
    expect(await content(copy, 'm.room.member', CAROL)).toEqual({ membership: 'join', displayname: 'Carol' })
    expect(await isShown(copy, ban.event.eventId)).toBe(false)
    expect(await stateBefore(copy, both.event.eventId)).toEqual(idsOf(rename.branch.state))
  })
})
