import { runInDurableObject } from 'cloudflare:test'
import { expect } from 'vitest'
import type { RoomEvent } from '../../src/matrix/events/room-event.ts'
import { findRoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { unwrap } from '../../src/runtime/outcome.ts'
import { caller, createLocalRoom, roomStub } from './local-room.ts'
import { branchOf } from './room-branch.ts'

/*
 * A room of other servers that a user of this one joins without its members, driven directly.
 */

export const ALICE = '@alice:remote.example'
export const BOB = '@bob:other.example'
export const CAROL = '@carol:third.example'
export const EVE = '@eve:evil.example'
/** Who joins, unless somebody else does. */
export const LOCAL = '@zoe:test.example'

/** The room's object on this server. */
export type Copy = ReturnType<typeof roomStub>

/** Whether an event is a membership. */
export const isMember = ({ type }: RoomEvent): boolean => type === 'm.room.member'

/** A room of other servers with members of several, one of whom, a moderator, was banned, as it is when a user of this server joins. */
export async function prepare(version: string, local = LOCAL) {
  const room = await createLocalRoom(ALICE, version)
  const powers = { users: { ...(findRoomVersionRules(version)?.privilegedCreators === true ? {} : { [ALICE]: 100 }), [EVE]: 50 } }
  const founded = await branchOf(room, version)
  const chain = [...founded.state.values()].filter(({ type }) => type === 'm.room.power_levels')
  let { branch } = founded.next(ALICE, 'm.room.power_levels', powers, '')
  const eveJoined = branch.next(EVE, 'm.room.member', { membership: 'join' }, EVE)
  for (const [sender, target, membership] of [
    [EVE, EVE, 'join'],
    [BOB, BOB, 'join'],
    [CAROL, CAROL, 'join'],
    [ALICE, EVE, 'ban'],
  ] as const) {
    branch = branch.next(sender, 'm.room.member', { membership }, target).branch
  }
  // Who was banned goes on as if nothing had been.
  const evil = eveJoined.branch
  const join = branch.next(local, 'm.room.member', { membership: 'join' }, local)
  await runInDurableObject(room.stub, (_object, ctx) => ctx.storage.deleteAll())
  await room.stub.abortForTest().catch(() => undefined)
  return { room, branch, evil, eveJoined: eveJoined.event, chain, join, copy: roomStub(room.roomId) }
}

/** What {@link prepare} has prepared. */
export type World = Awaited<ReturnType<typeof prepare>>

/** Events as an import has them staged. */
export const staged = (events: readonly RoomEvent[], inState: boolean) =>
  events.map((event) => ({
    eventId: event.eventId,
    depth: event.type === 'm.room.create' ? -1 : event.depth,
    inState,
    pdu: JSON.stringify(event.pdu),
  }))

/** Joins with an answer that leaves members out. */
export async function joinPartially(world: World, version: string, copy: Copy = world.copy, generation = 'gen1'): Promise<void> {
  const { room, branch, join, chain } = world
  const state = [...branch.state.values()]
  unwrap(await copy.beginImport({ roomId: room.roomId, version, generation }))
  const creator = state.filter((event) => event.stateKey === ALICE)
  unwrap(
    await copy.stageImport(generation, [
      ...staged(
        state.filter((event) => !isMember(event)),
        true,
      ),
      ...staged([...creator, ...chain], false),
    ]),
  )
  while (!unwrap(await copy.advanceImport(generation)).isDone);
  const omitted = { via: 'remote.example', servers: ['remote.example', 'other.example', 'third.example', 'test.example'] }
  unwrap(await copy.finishImport({ generation, join: join.event.pdu, omitted }, 'test'))
}

/** Brings the whole state after the join's predecessor. */
export async function tellWhole({ branch, join, eveJoined, chain }: World, copy: Copy): Promise<void> {
  const state = [...branch.state.values()]
  unwrap(await copy.stageWhole(staged([...state, ...chain, eveJoined], false), true))
  while (!unwrap(await copy.keepWhole()));
  const afterId = join.event.prevEvents[0] ?? ''
  const stateIds = state.map(({ eventId }) => eventId)
  unwrap(await copy.numberKeys([...stateIds, afterId]))
  expect(unwrap(await copy.tellState({ eventId: join.event.eventId, afterId, stateIds, mayLack: false }))).toBe(0)
}

/** Has the room work until it is whole. */
export async function complete(copy: Copy): Promise<void> {
  for (;;) {
    const turn = unwrap(await copy.advanceCompletion())
    if (turn === 'done') return
    expect(turn).toBe('more')
  }
}

/** Sends a message as {@link LOCAL}. */
export const send = async (copy: Copy, body: string) =>
  unwrap(
    await copy.send(caller(LOCAL), { type: 'm.room.message', stateKey: undefined, content: { body }, txn: undefined, redacts: undefined }),
  ).eventId
/** Brings an event as another server would; what became of it. */
export const ingest = async (copy: Copy, event: RoomEvent) =>
  unwrap(await copy.ingest({ origin: 'remote.example', pdus: [event.pdu] }, 'test')).verdicts[0]?.verdict.kind
