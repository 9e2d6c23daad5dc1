import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { caller, createLocalRoom, type LocalRoom } from '../../../support/local-room.ts'
import type { RemoteBranch } from '../../../support/remote-events.ts'
import { branchOf } from '../../../support/room-branch.ts'

const ALICE = '@alice:remote.example'
const BOB = '@bob:remote.example'
const CAROL = '@carol:remote.example'

const pdus = (events: readonly RoomEvent[]) => events.map(({ pdu }) => pdu)
const ids = (events: readonly RoomEvent[]) => events.map(({ eventId }) => eventId)

async function ingest(room: LocalRoom, ...events: RoomEvent[]) {
  return unwrap(await room.stub.ingest({ origin: 'remote.example', pdus: pdus(events) }, 'test'))
}

/** Messages one after the other. */
function say(branch: RemoteBranch, sender: string, bodies: readonly string[]) {
  const events: RoomEvent[] = []
  let at = branch
  for (const body of bodies) {
    const next = at.next(sender, 'm.room.message', { body })
    events.push(next.event)
    at = next.branch
  }
  return { events, branch: at }
}

/** Everything that a reader sees, oldest first. */
async function bodies(room: LocalRoom, reader: string): Promise<unknown[]> {
  const page = unwrap(
    await room.stub.messages(caller(reader), { from: undefined, to: undefined, dir: 'b', limit: 1000, filter: undefined, skipGaps: true }),
  )
  const chunk: { type: string; content: { body?: unknown } }[] = JSON.parse(page.json).chunk
  return chunk.reverse().flatMap(({ type, content }) => (type === 'm.room.message' ? [content.body] : []))
}

async function gapOrd(room: LocalRoom, reader: string): Promise<number | undefined> {
  return unwrap(await room.stub.messages(caller(reader), { from: undefined, to: undefined, dir: 'b', limit: 100, filter: undefined }))
    .gapOrd
}

function rows(room: LocalRoom, query: string): Promise<Record<string, unknown>[]> {
  return runInDurableObject(room.stub, (_room, state) => state.storage.sql.exec(query).toArray())
}

/** An event far above what the room has: staged, then taken with the state before it, as another server tells that. */
async function beyondGap(version: string, hidden: readonly string[]) {
  const room = await createLocalRoom(ALICE, version)
  const start = await branchOf(room, version)
  const between = say(start, ALICE, hidden)
  const after = between.branch.next(ALICE, 'm.room.message', { body: 'after' })
  const staged = await ingest(room, after.event)
  expect(staged.verdicts[0]?.verdict.kind).toBe('staged')
  const state = [...between.branch.state.values()]
  expect(unwrap(await room.stub.claimState({ eventId: after.event.eventId, stateIds: ids(state), mayBeIncomplete: false }))).toBe(0)
  unwrap(await room.stub.retryStaged())
  return { room, start, between, after }
}

describe.each(['10', '12'])('a gap in the history of a room of version %s', (version) => {
  it('ends a page, and is filled in order by what leads to it and nothing else', async () => {
    const { room, between, start } = await beyondGap(version, ['1', '2', '3'])
    await room.send(ALICE, { body: 'own' })
    expect(await bodies(room, ALICE)).toEqual(['after', 'own'])
    const ord = await gapOrd(room, ALICE)
    if (ord === undefined) throw new Error('no gap')
    const stray = start.next(ALICE, 'm.room.message', { body: 'leads nowhere' })
    const answer = await room.stub.backfill({ ord, pdus: pdus([stray.event, ...[...between.events].reverse()]), rejected: {} })
    expect(unwrap(answer)).toEqual({ kind: 'placed', events: 3 })
    expect(await bodies(room, ALICE)).toEqual(['1', '2', '3', 'after', 'own'])
    expect(await gapOrd(room, ALICE)).toBeUndefined()
    expect(unwrap(await room.stub.backfill({ ord, pdus: pdus(between.events), rejected: {} }))).toEqual({ kind: 'placed', events: 0 })
    expect(await rows(room, 'SELECT * FROM gaps')).toEqual([])
  })

  it('takes history batch by batch, each below the one before', async () => {
    const { room, between } = await beyondGap(version, ['1', '2', '3', '4', '5', '6'])
    for (const batch of [between.events.slice(4), between.events.slice(1, 4), between.events.slice(0, 1)]) {
      const ord = await gapOrd(room, ALICE)
      if (ord === undefined) throw new Error('no gap')
      let answer = unwrap(await room.stub.backfill({ ord, pdus: pdus(batch), rejected: {} }))
      if (answer.kind === 'needs') {
        expect(answer.states).toEqual(ids(batch.slice(0, 1)))
        for (const eventId of answer.states) {
          const stateIds = ids([...between.branch.state.values()])
          expect(unwrap(await room.stub.claimState({ eventId, stateIds, mayBeIncomplete: false }))).toBe(0)
        }
        answer = unwrap(await room.stub.backfill({ ord, pdus: pdus(batch), rejected: {} }))
      }
      expect(answer).toEqual({ kind: 'placed', events: batch.length })
    }
    expect(await bodies(room, ALICE)).toEqual(['1', '2', '3', '4', '5', '6', 'after'])
    expect(await gapOrd(room, ALICE)).toBeUndefined()
    expect(await rows(room, 'SELECT * FROM claimed_states')).toEqual([])
  })

  it('is not filled by what the state before does not allow', async () => {
    const room = await createLocalRoom(ALICE, version)
    const start = await branchOf(room, version)
    const intruder = start.next(CAROL, 'm.room.message', { body: 'never joined' })
    const after = intruder.branch.next(ALICE, 'm.room.message', { body: 'after' })
    await ingest(room, after.event)
    unwrap(await room.stub.claimState({ eventId: after.event.eventId, stateIds: ids([...start.state.values()]), mayBeIncomplete: false }))
    unwrap(await room.stub.retryStaged())
    const ord = await gapOrd(room, ALICE)
    if (ord === undefined) throw new Error('no gap')
    expect(unwrap(await room.stub.backfill({ ord, pdus: pdus([intruder.event]), rejected: {} })).kind).toBe('placed')
    expect(await bodies(room, ALICE)).toEqual(['after'])
    expect(await gapOrd(room, ALICE)).toBeUndefined()
  })

  it('shows history only to whoever might read it then', async () => {
    const room = await createLocalRoom(ALICE, version)
    const start = await branchOf(room, version)
    const closed = start.next(ALICE, 'm.room.history_visibility', { history_visibility: 'joined' }, '')
    const secret = closed.branch.next(ALICE, 'm.room.message', { body: 'among us' })
    const open = secret.branch.next(ALICE, 'm.room.history_visibility', { history_visibility: 'shared' }, '')
    const joined = open.branch.next(BOB, 'm.room.member', { membership: 'join' }, BOB)
    await ingest(room, joined.event)
    unwrap(await room.stub.bringOutliers({ pdus: pdus([open.event]) }))
    const stateIds = ids([...open.branch.state.values()])
    unwrap(await room.stub.claimState({ eventId: joined.event.eventId, stateIds, mayBeIncomplete: false }))
    unwrap(await room.stub.retryStaged())
    const ord = await gapOrd(room, BOB)
    if (ord === undefined) throw new Error('no gap')
    const batch = [closed.event, secret.event, open.event]
    expect(unwrap(await room.stub.backfill({ ord, pdus: pdus(batch), rejected: {} }))).toEqual({ kind: 'placed', events: 3 })
    expect(await bodies(room, ALICE)).toEqual(['among us'])
    expect(await bodies(room, BOB)).toEqual([])
  })

  it('keeps what arrives late from becoming an end of the graph, and shows it', async () => {
    const { room, between } = await beyondGap(version, ['late'])
    await ingest(room, ...between.events)
    const [{ extremities } = { extremities: '' }] = await rows(room, 'SELECT extremities FROM room')
    // The room's own last event, and the one beyond the gap.
    expect(JSON.parse(String(extremities))).toHaveLength(2)
    expect(await gapOrd(room, ALICE)).toBeUndefined()
    expect([...(await bodies(room, ALICE))].sort()).toEqual(['after', 'late'])
  })

  it('does not let a claimed state be that of another room, nor incomplete unless it must', async () => {
    const room = await createLocalRoom(ALICE, version)
    const other = await branchOf(await createLocalRoom(ALICE, version), version)
    const start = await branchOf(room, version)
    const hidden = say(start, ALICE, ['x'])
    const after = hidden.branch.next(ALICE, 'm.room.message', { body: 'after' })
    await ingest(room, after.event)
    const { eventId } = after.event
    const foreign = ids([...other.state.values()])
    expect(await room.stub.claimState({ eventId, stateIds: foreign, mayBeIncomplete: true })).toMatchObject({ ok: false })
    const stateIds = [...ids([...start.state.values()]), '$unknown']
    expect(unwrap(await room.stub.claimState({ eventId, stateIds, mayBeIncomplete: false }))).toBe(1)
    expect(await rows(room, 'SELECT * FROM claimed_states')).toEqual([])
    expect(unwrap(await room.stub.claimState({ eventId, stateIds, mayBeIncomplete: true }))).toBe(1)
    unwrap(await room.stub.retryStaged())
    expect(await bodies(room, ALICE)).toEqual(['after'])
    // Other servers are not told of a state that is not whole.
    await ingest(room, after.branch.next(BOB, 'm.room.member', { membership: 'join' }, BOB).event)
    expect(await room.stub.stateIdsForServer('remote.example', eventId)).toMatchObject({ ok: false, error: { errcode: 'M_NOT_FOUND' } })
  })
})

/** A room with 25 ends, each with a mark of its own in its state, which its one local member may not join to one; and where they all began. */
async function roomOfManyEnds() {
  const local = '@zoe:test.example'
  const room = await createLocalRoom(ALICE, '11')
  const start = await branchOf(room, '11')
  const power = { users: { [ALICE]: 100, [local]: 20 }, state_default: 0, events: { 'org.matrix.dummy_event': 100 } }
  const powered = start.next(ALICE, 'm.room.power_levels', power, '')
  const joined = powered.branch.next(local, 'm.room.member', { membership: 'join' }, local)
  await ingest(room, powered.event, joined.event)
  const forks = Array.from({ length: 25 }, (_, n) => joined.branch.next(ALICE, 'org.example.mark', { n }, `${n}`).event)
  await ingest(room, ...forks)
  return { room, local, branch: joined.branch }
}

describe('what waits', () => {
  it('S3: is bounded per server, and one server’s flood does not touch what another sent', async () => {
    const room = await createLocalRoom(ALICE, '11')
    const start = await branchOf(room, '11')
    const hidden = start.next(ALICE, 'm.room.message', { body: 'hidden' })
    const honest = hidden.branch.next(ALICE, 'm.room.message', { body: 'honest' })
    unwrap(await room.stub.ingest({ origin: 'other.example', pdus: pdus([honest.event]) }, 'test'))
    for (let call = 0; call < 3; call += 1) {
      const flood = Array.from({ length: 100 }, (_, n) => hidden.branch.next(ALICE, 'm.room.message', { body: `flood ${call} ${n}` }).event)
      await ingest(room, ...flood)
    }
    expect(await rows(room, 'SELECT origin, count(*) AS n FROM staged GROUP BY origin ORDER BY origin')).toEqual([
      { origin: 'other.example', n: 1 },
      { origin: 'remote.example', n: 200 },
    ])
    await ingest(room, hidden.event)
    // More than one commit takes in: the rest follows by itself.
    unwrap(await room.stub.retryStaged())
    expect(await bodies(room, ALICE)).toContain('honest')
    expect(await bodies(room, ALICE)).toHaveLength(202)
  })

  it('F12: is stored as rejected where its signatures do not let it in, and so is what cites it', async () => {
    const room = await createLocalRoom(ALICE, '11')
    const join = (await branchOf(room, '11')).next(BOB, 'm.room.member', { membership: 'join' }, BOB)
    const hello = join.branch.next(BOB, 'm.room.message', { body: 'hello' })
    const rejected = { [join.event.eventId]: 'nobody vouches for it' }
    const { verdicts } = unwrap(
      await room.stub.ingest({ origin: 'remote.example', pdus: pdus([join.event, hello.event]), rejected }, 'test'),
    )
    expect(verdicts.map(({ verdict }) => verdict.kind)).toEqual(['rejected', 'rejected'])
    expect(await bodies(room, ALICE)).toEqual([])
  })
})

describe('ends of the graph', () => {
  it('beyond ten are joined by an event that nobody is shown and no server is sent', async () => {
    const local = '@zoe:test.example'
    const room = await createLocalRoom(ALICE, '11')
    const start = await branchOf(room, '11')
    const joined = start.next(local, 'm.room.member', { membership: 'join' }, local)
    await ingest(room, joined.event)
    const forks = Array.from({ length: 25 }, (_, n) => joined.branch.next(ALICE, 'm.room.message', { body: `fork ${n}` }).event)
    await ingest(room, ...forks)
    const [{ extremities } = { extremities: '' }] = await rows(room, 'SELECT extremities FROM room')
    expect(JSON.parse(String(extremities)).length).toBeLessThanOrEqual(10)
    const dummies = await rows(room, "SELECT envelope FROM events WHERE type = 'org.matrix.dummy_event'")
    expect(dummies.length).toBeGreaterThan(0)
    for (const { envelope } of dummies) expect(JSON.parse(String(envelope)).prev_events.length).toBeLessThanOrEqual(20)
    expect(await bodies(room, ALICE)).toHaveLength(25)
    const window = await room.window(ALICE, { to: 100_000, filter: '{"timeline":{"limit":100}}' })
    expect(window.timeline.events.map(({ type }) => type)).not.toContain('org.matrix.dummy_event')
    expect((await room.stub.eventsForServer('remote.example', 0, 50)).pdus.join()).not.toContain('org.matrix.dummy_event')
  })

  it('beyond twenty, where nobody here may join them, are built on as far as an event may name them', async () => {
    const { room, local } = await roomOfManyEnds()
    const eventId = await room.send(local, { body: 'on twenty of them' })
    const [{ envelope } = { envelope: '' }] = await rows(room, `SELECT envelope FROM events WHERE event_id = '${eventId}'`)
    expect(JSON.parse(String(envelope)).prev_events).toHaveLength(20)
    const [{ extremities } = { extremities: '' }] = await rows(room, 'SELECT extremities FROM room')
    expect(JSON.parse(String(extremities))).toHaveLength(6)
    const marks = JSON.parse(unwrap(await room.stub.fullState(caller(local)))).filter(
      ({ type }: { type: string }) => type === 'org.example.mark',
    )
    expect(marks).toHaveLength(25)
    await room.send(local, { body: 'on all of them' })
    expect(JSON.parse(String((await rows(room, 'SELECT extremities FROM room'))[0]?.extremities))).toHaveLength(1)
  })

  it('beyond twenty that would take too long to resolve are built on as far as they agree; no commit resolves them all at once', async () => {
    const { room, local, branch } = await roomOfManyEnds()
    await runInDurableObject(room.stub, (object) => Reflect.set(Reflect.get(object, 'core').resolutionBudgets, 'local', 0))
    const ends = async (): Promise<number> => JSON.parse(String((await rows(room, 'SELECT extremities FROM room'))[0]?.extremities)).length
    const eventId = await room.send(local, { body: 'on one of them' })
    const [{ envelope } = { envelope: '' }] = await rows(room, `SELECT envelope FROM events WHERE event_id = '${eventId}'`)
    expect(JSON.parse(String(envelope)).prev_events).toHaveLength(1)
    expect([await ends(), await bodies(room, local)]).toEqual([25, ['on one of them']])
    const marks = async () =>
      JSON.parse(unwrap(await room.stub.fullState(caller(local)))).filter(({ type }: { type: string }) => type === 'org.example.mark')
    expect(await marks()).toHaveLength(25)
    // State would have to be resolved with the other ends.
    const topic = { type: 'm.room.topic', stateKey: '', content: { topic: 'x' }, txn: undefined, redacts: undefined }
    expect(await room.stub.send(caller(local), topic)).toMatchObject({ ok: false, error: { errcode: 'M_LIMIT_EXCEEDED' } })
    // What all ends together forbid is forbidden on one of them, too.
    const ban = branch.next(ALICE, 'm.room.member', { membership: 'ban' }, local)
    await ingest(room, ban.event, branch.next(ALICE, 'org.example.mark', { n: 25 }, '25').event)
    const late = { type: 'm.room.message', stateKey: undefined, content: { body: 'banned' }, txn: undefined, redacts: undefined }
    expect(await room.stub.send(caller(local), late)).toMatchObject({ ok: false, error: { errcode: 'M_FORBIDDEN' } })
  })

  it('are not hidden by soft-failed events, and whoever builds on those builds on what is below', async () => {
    const room = await createLocalRoom(ALICE, '11')
    const bobIn = (await branchOf(room, '11')).next(BOB, 'm.room.member', { membership: 'join' }, BOB)
    const ban = bobIn.branch.next(ALICE, 'm.room.member', { membership: 'ban' }, BOB)
    const evasion = bobIn.branch.next(BOB, 'm.room.message', { body: 'from before the ban' })
    const onTop = ban.branch.mergedWith(evasion.branch).next(ALICE, 'm.room.message', { body: 'on both' })
    const { verdicts } = await ingest(room, bobIn.event, ban.event, evasion.event, onTop.event)
    expect(verdicts.map(({ verdict }) => verdict.kind)).toEqual(['accepted', 'accepted', 'soft_failed', 'accepted'])
    const [{ extremities } = { extremities: '' }] = await rows(room, 'SELECT extremities FROM room')
    expect(JSON.parse(String(extremities))).toHaveLength(1)
  })
})
