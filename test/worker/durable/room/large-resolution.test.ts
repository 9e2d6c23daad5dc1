import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { MAX_RESOLUTION_WAITS } from '../../../../src/durable/room/graph/limits.ts'
import { starvingOf } from '../../../../src/durable/room/graph/starving.ts'
import type { RoomCore } from '../../../../src/durable/room/room-core.ts'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { caller, createLocalRoom, type LocalRoom, roomStub } from '../../../support/local-room.ts'
import type { RemoteBranch } from '../../../support/remote-events.ts'
import { branchOf } from '../../../support/room-branch.ts'

const ALICE = '@alice:remote.example'
/** Changes of power on the long branch: every one cites the one before, so that resolving both branches walks all of them. */
const CHANGES = 2_300
/** Changes on the other. */
const FEW = 4
/** PDUs of one call. */
const PER_CALL = 100

async function ingest(room: LocalRoom, events: readonly RoomEvent[]) {
  const kinds: string[] = []
  for (let start = 0; start < events.length; start += PER_CALL) {
    const pdus = events.slice(start, start + PER_CALL).map(({ pdu }) => pdu)
    const { verdicts } = unwrap(await roomStub(room.roomId).ingest({ origin: 'remote.example', pdus }, 'test'))
    kinds.push(...verdicts.map(({ verdict }) => verdict.kind))
  }
  return kinds
}

function changesOf(start: RemoteBranch, mark: string, changes: number) {
  const events: RoomEvent[] = []
  let branch = start
  for (let n = 0; n < changes; n += 1) {
    const next = branch.next(ALICE, 'm.room.power_levels', { users: { [ALICE]: 100, [`@${mark}${n}:remote.example`]: 1 } }, '')
    events.push(next.event)
    branch = next.branch
  }
  return { events, branch }
}

const count = (room: LocalRoom, table: string): Promise<number> =>
  runInDurableObject(roomStub(room.roomId), (_room, state) => state.storage.sql.exec(`SELECT * FROM ${table}`).toArray().length)

const message = (body: string) => ({ type: 'm.room.message', stateKey: undefined, content: { body }, txn: undefined, redacts: undefined })

/** Lets the object work until nothing is being resolved; bounded. */
async function untilResolved(room: LocalRoom): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    await roomStub(room.roomId).resolved()
    if ((await count(room, 'staged')) === 0) return
    await runDurableObjectAlarm(roomStub(room.roomId))
  }
  throw new Error('the state is never resolved')
}

it('a state too large for one transaction is resolved beside the room’s life, which goes on, and survives the object’s end', async () => {
  const room = await createLocalRoom(ALICE, '11')
  const start = await branchOf(room, '11')
  const [left, right] = [changesOf(start, 'left', CHANGES), changesOf(start, 'right', FEW)]
  expect(new Set(await ingest(room, left.events))).toEqual(new Set(['accepted']))
  const kinds: string[] = []
  for (const event of right.events) {
    kinds.push(...(await ingest(room, [event])))
    const isWaiting = (await count(room, 'resolving')) > 0
    // Local events do not wait for any of it.
    const own = await roomStub(room.roomId).send(caller(ALICE), message('meanwhile'))
    expect(own.ok).toBe(true)
    if (isWaiting) {
      await roomStub(room.roomId)
        .abortForTest()
        .catch(() => undefined)
    }
    await untilResolved(room)
  }
  expect(kinds).toContain('staged')
  expect(kinds).not.toContain('rejected')
  expect(await count(room, 'resolving')).toBe(0)
  expect(await count(room, 'resolving_parts')).toBe(0)
  const merge = left.branch.mergedWith(right.branch).next(ALICE, 'm.room.message', { body: 'on both' })
  unwrap(await roomStub(room.roomId).ingest({ origin: 'remote.example', pdus: [merge.event.pdu] }, 'test'))
  await untilResolved(room)
  const content = unwrap(
    await roomStub(room.roomId).stateEvent(caller(ALICE), { type: 'm.room.power_levels', stateKey: '', format: 'content' }),
  )
  expect(content).toMatch(/left2299|right3/)
}, 120_000)

it('an event that others keep from being resolved is waited for by them, and no commit resolves it whatever it costs', async () => {
  const room = await createLocalRoom(ALICE, '11')
  const start = await branchOf(room, '11')
  const stub = roomStub(room.roomId)
  const [left, right] = [changesOf(start, 'left', 3), changesOf(start, 'right', 1)]
  const [first, second, third] = left.events
  const [starving] = right.events
  if (first === undefined || second === undefined || third === undefined || starving === undefined) throw new Error('no events')
  // Nothing is resolved inside a commit, and nothing beside it until the test says so.
  await runInDurableObject(stub, (object) => {
    const core: RoomCore = Reflect.get(object, 'core')
    Reflect.set(core.resolutionBudgets, 'received', 0)
    Reflect.set(core.repairs ?? {}, 'planResolution', () => undefined)
  })
  expect(await ingest(room, [first])).toEqual(['accepted'])
  expect(await ingest(room, [starving])).toEqual(['staged'])
  // The room moves on: what was to be resolved is another state now.
  expect(await ingest(room, [second])).toEqual(['accepted'])
  await runInDurableObject(stub, (object) => {
    const core: RoomCore = Reflect.get(object, 'core')
    for (let waits = 0; waits < MAX_RESOLUTION_WAITS; waits += 1) starvingOf(core).tried(starving.eventId, core.nowMs())
  })
  expect(await ingest(room, [third])).toEqual(['staged'])
  expect((await stub.send(caller(ALICE), message('meanwhile'))).ok).toBe(true)
  await runInDurableObject(stub, (object) => {
    const core: RoomCore = Reflect.get(object, 'core')
    Reflect.deleteProperty(core.repairs ?? {}, 'planResolution')
  })
  await untilResolved(room)
  expect(await ingest(room, [first, starving, second, third])).toEqual(['known', 'known', 'known', 'known'])
  const placed = await runInDurableObject(stub, (_room, state) =>
    state.storage.sql.exec("SELECT 1 FROM events WHERE type = 'm.room.power_levels' AND status = 0 AND pos IS NOT NULL").toArray(),
  )
  expect(placed.length).toBeGreaterThanOrEqual(5)
})
