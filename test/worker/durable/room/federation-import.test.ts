import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { referencedIds } from '../../../../src/matrix/events/read-event.ts'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { caller, createLocalRoom, type LocalRoom, roomStub } from '../../../support/local-room.ts'
import { branchOf } from '../../../support/room-branch.ts'

const ALICE = '@alice:remote.example'
const LOCAL = '@zoe:test.example'

/** A room of another server, the join of a user of this one, and the object that is to hold it here. */
async function prepare(version: string) {
  const room = await createLocalRoom(ALICE, version)
  await room.send(ALICE, { body: 'before' })
  const branch = await branchOf(room, version)
  const join = branch.next(LOCAL, 'm.room.member', { membership: 'join' }, LOCAL)
  const state = [...branch.state.values()]
  // The room was that of another server: here it has never been.
  await runInDurableObject(room.stub, (_object, ctx) => ctx.storage.deleteAll())
  await room.stub.abortForTest().catch(() => undefined)
  return { room, branch, join, state, copy: roomStub(room.roomId) }
}

/** Whether the registry knows a room, whatever this isolate remembers. */
async function registered(roomId: string): Promise<boolean> {
  return (await env.DB.prepare('SELECT 1 FROM rooms WHERE room_id = ?').bind(roomId).first()) !== null
}

const begin = (room: LocalRoom, version: string, generation = 'gen1') => ({ roomId: room.roomId, version, generation })
type Copy = ReturnType<typeof roomStub>

/** Stages events, all of them state unless told otherwise, with the depths that they claim. */
async function stage(copy: Copy, generation: string, events: readonly RoomEvent[], inState: (event: RoomEvent) => boolean = () => true) {
  const staged = events.map((event) => ({
    eventId: event.eventId,
    depth: event.type === 'm.room.create' ? -1 : event.depth,
    inState: inState(event),
    pdu: JSON.stringify(event.pdu),
  }))
  unwrap(await copy.stageImport(generation, staged))
}

/** Has everything looked at; answers how many events were refused. */
async function advance(copy: Copy, generation: string): Promise<number> {
  for (;;) {
    const { isDone, refused } = unwrap(await copy.advanceImport(generation))
    if (isDone) return refused
  }
}

async function bring(
  copy: Copy,
  generation: string,
  events: readonly RoomEvent[],
  inState?: (event: RoomEvent) => boolean,
): Promise<number> {
  await stage(copy, generation, events, inState)
  return advance(copy, generation)
}

describe.each(['1', '3', '5', '10', '11', '12'])('joining a room of version %s on another server', (version) => {
  it('makes the room from its state and the join, and goes on from there', async () => {
    const { room, join, state, copy } = await prepare(version)
    unwrap(await copy.beginImport(begin(room, version)))
    expect(await bring(copy, 'gen1', state)).toBe(0)
    // Brought again: nothing changes.
    expect(await bring(copy, 'gen1', state)).toBe(0)
    unwrap(await copy.finishImport({ generation: 'gen1', join: join.event.pdu }, 'test'))
    const joined = JSON.parse(unwrap(await copy.joinedMembers(caller(LOCAL))))
    expect(Object.keys(joined.joined).sort()).toEqual([ALICE, LOCAL])
    const message = join.branch.next(ALICE, 'm.room.message', { body: 'welcome' })
    const result = unwrap(await copy.ingest({ origin: 'remote.example', pdus: [message.event.pdu] }, 'test'))
    expect(result.verdicts[0]?.verdict.kind).toBe('accepted')
    const sent = unwrap(
      await copy.send(caller(LOCAL), {
        type: 'm.room.message',
        stateKey: undefined,
        content: { body: 'hi' },
        txn: undefined,
        redacts: undefined,
      }),
    )
    const forRemote = await copy.eventsForServer('remote.example', 0, 50)
    expect(forRemote.pdus.map((pdu) => referencedIds(JSON.parse(pdu).prev_events))).toContainEqual([message.event.eventId])
    expect(sent.eventId).toBeDefined()
  })

  it('keeps nothing of what was staged once it has ended', async () => {
    const { room, join, state, copy } = await prepare(version)
    unwrap(await copy.beginImport(begin(room, version)))
    await bring(copy, 'gen1', state)
    unwrap(await copy.finishImport({ generation: 'gen1', join: join.event.pdu }, 'test'))
    await runDurableObjectAlarm(copy)
    const left = (): Promise<number> =>
      runInDurableObject(copy, (_object, ctx) => ctx.storage.sql.exec('SELECT * FROM import_staging').toArray().length)
    await expect.poll(left, { timeout: 60_000 }).toBe(0)
    const joined = JSON.parse(unwrap(await copy.joinedMembers(caller(LOCAL))))
    expect(Object.keys(joined.joined).sort()).toEqual([ALICE, LOCAL])
  })

  it('leaves nothing behind when it fails, and can be begun again', async () => {
    const { room, join, state, copy } = await prepare(version)
    const isRegistered = (): Promise<boolean> => registered(room.roomId)
    await env.DB.prepare('DELETE FROM rooms WHERE room_id = ?').bind(room.roomId).run()
    unwrap(await copy.beginImport(begin(room, version)))
    // From here on events of the room may arrive anywhere.
    expect(await isRegistered()).toBe(true)
    expect(await copy.beginImport(begin(room, version, 'gen2'))).toMatchObject({ ok: false, error: { errcode: 'M_LIMIT_EXCEEDED' } })
    await stage(copy, 'gen1', state)
    expect(await copy.finishImport({ generation: 'gen1', join: join.event.pdu }, 'test')).toMatchObject({ ok: false })
    expect(await copy.joinedMembers(caller(LOCAL))).toMatchObject({ ok: false })
    // The state that the other server shows does not hold the join rules under which it let us in.
    unwrap(await copy.abortImport('gen1'))
    unwrap(await copy.beginImport(begin(room, version)))
    await bring(copy, 'gen1', state, ({ type }) => type !== 'm.room.join_rules')
    expect(await copy.finishImport({ generation: 'gen1', join: join.event.pdu }, 'test')).toMatchObject({ ok: false })
    unwrap(await copy.abortImport('gen1'))
    const rows = await runInDurableObject(copy, (_object, ctx) =>
      ['room', 'events', 'members', 'current_state', 'state_log', 'import_staging'].map(
        (table) => ctx.storage.sql.exec(`SELECT * FROM ${table}`).toArray().length,
      ),
    )
    expect(rows).toEqual([0, 0, 0, 0, 0, 0])
    expect(await isRegistered()).toBe(false)
    unwrap(await copy.beginImport(begin(room, version, 'gen3')))
    await bring(copy, 'gen3', state)
    unwrap(await copy.finishImport({ generation: 'gen3', join: join.event.pdu }, 'test'))
    expect(await isRegistered()).toBe(true)
    expect(await copy.beginImport(begin(room, version, 'gen4'))).toMatchObject({ ok: false, error: { errcode: 'M_ROOM_IN_USE' } })
  })

  it('does not believe state that its own auth events forbid, nor what rests on it', async () => {
    const { room, branch, join, state, copy } = await prepare(version)
    const forged = branch.next('@eve:evil.example', 'm.room.power_levels', { users: { '@eve:evil.example': 100 } }, '')
    const onTop = forged.branch.next(ALICE, 'm.room.topic', { topic: 'on forged ground' }, '')
    unwrap(await copy.beginImport(begin(room, version)))
    const all = [...state, forged.event, onTop.event]
    expect(await bring(copy, 'gen1', all, ({ eventId }) => eventId !== forged.event.eventId)).toBe(2)
    unwrap(await copy.finishImport({ generation: 'gen1', join: join.event.pdu }, 'test'))
    const topic = await copy.stateEvent(caller(LOCAL), { type: 'm.room.topic', stateKey: '', format: 'content' })
    expect(topic).toMatchObject({ ok: false, error: { errcode: 'M_NOT_FOUND' } })
  })

  it('comes back to a room that everybody here had left, with what happened meanwhile as its state', async () => {
    const { room, join, state, copy } = await prepare(version)
    unwrap(await copy.beginImport(begin(room, version)))
    await bring(copy, 'gen1', state)
    unwrap(await copy.finishImport({ generation: 'gen1', join: join.event.pdu }, 'test'))
    const left = join.branch.next(LOCAL, 'm.room.member', { membership: 'leave' }, LOCAL)
    unwrap(await copy.ingest({ origin: 'remote.example', pdus: [left.event.pdu] }, 'test'))
    const renamed = left.branch.next(ALICE, 'm.room.name', { name: 'meanwhile' }, '')
    const again = renamed.branch.next(LOCAL, 'm.room.member', { membership: 'join' }, LOCAL)
    const now = [...renamed.branch.state.values()]
    unwrap(await copy.beginImport(begin(room, version, 'gen2')))
    expect(await bring(copy, 'gen2', now)).toBe(0)
    unwrap(await copy.finishImport({ generation: 'gen2', join: again.event.pdu }, 'test'))
    const name = unwrap(await copy.stateEvent(caller(LOCAL), { type: 'm.room.name', stateKey: '', format: 'content' }))
    expect(JSON.parse(name)).toEqual({ name: 'meanwhile' })
    const next = again.branch.next(ALICE, 'm.room.message', { body: 'welcome back' })
    const result = unwrap(await copy.ingest({ origin: 'remote.example', pdus: [next.event.pdu] }, 'test'))
    expect(result.verdicts[0]?.verdict.kind).toBe('accepted')
  })

  it('makes the same of its events in whatever order and at whatever depths they come', async () => {
    const { room, join, state, copy } = await prepare(version)
    unwrap(await copy.beginImport(begin(room, version)))
    const backwards = [...state].reverse().map((event) => ({ ...event, depth: 7 }))
    expect(await bring(copy, 'gen1', backwards)).toBe(0)
    unwrap(await copy.finishImport({ generation: 'gen1', join: join.event.pdu }, 'test'))
    const joined = JSON.parse(unwrap(await copy.joinedMembers(caller(LOCAL))))
    expect(Object.keys(joined.joined).sort()).toEqual([ALICE, LOCAL])
  })

  it('goes on where the object ended', async () => {
    const { room, join, state, copy } = await prepare(version)
    unwrap(await copy.beginImport(begin(room, version)))
    await stage(copy, 'gen1', state)
    unwrap(await copy.advanceImport('gen1'))
    unwrap(await copy.advanceImport('gen1'))
    unwrap(await copy.advanceImport('gen1'))
    await copy.abortForTest().catch(() => undefined)
    const again = roomStub(room.roomId)
    expect(await advance(again, 'gen1')).toBe(0)
    unwrap(await again.finishImport({ generation: 'gen1', join: join.event.pdu }, 'test'))
    const log = await runInDurableObject(again, (_object, ctx) =>
      ctx.storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM state_log WHERE old_nid = new_nid').one(),
    )
    expect(log.n).toBe(0)
    const joined = JSON.parse(unwrap(await again.joinedMembers(caller(LOCAL))))
    expect(Object.keys(joined.joined).sort()).toEqual([ALICE, LOCAL])
  })

  it('refuses a state with two events in one place', async () => {
    const { room, branch, state, copy } = await prepare(version)
    const topic = branch.next(ALICE, 'm.room.topic', { topic: 'one' }, '')
    const other = branch.next(ALICE, 'm.room.topic', { topic: 'other' }, '')
    unwrap(await copy.beginImport(begin(room, version)))
    await expect(bring(copy, 'gen1', [...state, topic.event, other.event])).rejects.toThrow('two events')
  })
})
