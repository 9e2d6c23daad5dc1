import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { resolutionEventsOf } from '../../../../src/durable/room/graph/resolution-events.ts'
import { resolveGroups } from '../../../../src/durable/room/graph/resolve-groups.ts'
import { RoomCore } from '../../../../src/durable/room/room-core.ts'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { resolveState, type StateMap, stateMapKey } from '../../../../src/state-resolution/index.ts'
import { toRoomEvent } from '../../../../src/storage/room/events.ts'
import { createLocalRoom, type LocalRoom } from '../../../support/local-room.ts'
import type { RemoteBranch } from '../../../support/remote-events.ts'
import { branchOf } from '../../../support/room-branch.ts'

const ALICE = '@alice:remote.example'
/** Changes of state on each branch: together more events than a room's other caches hold. */
const CHANGES = 110
/** PDUs of one call, as of a transaction. */
const PDUS_PER_CALL = 50
/** Every so many resolutions are compared with what the rules say without any cache. */
const COMPARED_EVERY = 10

/** A branch on which people join, are kicked, and set things, and power moves. */
function longBranch(start: RemoteBranch, mark: string, version: string): RoomEvent[] {
  // Creators of version 12 are above power levels, which must not name them.
  const alice = version === '12' ? {} : { [ALICE]: 100 }
  const events: RoomEvent[] = []
  let branch = start
  for (let n = 0; n < CHANGES; n += 1) {
    const user = `@${mark}${n}:remote.example`
    const last = `@${mark}${n - 1}:remote.example`
    const next =
      n % 9 === 5
        ? branch.next(ALICE, 'm.room.power_levels', { users: { ...alice, [`@${mark}:remote.example`]: n % 50 } }, '')
        : n % 7 === 6
          ? branch.next(ALICE, 'm.room.member', { membership: 'leave' }, last)
          : n % 5 === 4
            ? branch.next(ALICE, 'm.room.topic', { topic: `${mark}${n}` }, '')
            : branch.next(user, 'm.room.member', { membership: 'join' }, user)
    events.push(next.event)
    branch = next.branch
  }
  return events
}

async function ingest(room: LocalRoom, events: readonly RoomEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += PDUS_PER_CALL) {
    const pdus = events.slice(at, at + PDUS_PER_CALL).map(({ pdu }) => pdu)
    unwrap(await room.stub.ingest({ origin: 'remote.example', pdus }, 'test'))
  }
}

/** A group as the algorithm reads states, without any cache. */
function stateOf(core: RoomCore, group: number): StateMap {
  const state = new Map<string, string>()
  const pairs = core.keys.pairs([...core.groups.all(group).keys()])
  for (const [kid, nid] of core.groups.all(group)) {
    const [type, key] = pairs.get(kid) ?? ['', '']
    state.set(stateMapKey(type, key), core.events.get(nid).eventId)
  }
  return state
}

function resolvedPlainly(core: RoomCore, groups: readonly number[]): StateMap {
  const states = groups.map((group) => stateOf(core, group))
  const get = (id: string): RoomEvent | undefined => {
    const stored = core.events.findById(id)
    return stored && toRoomEvent(stored, core.roomId)
  }
  return resolveState(states, { get, isRejected: (id) => core.events.findById(id)?.status === 'rejected' }, core.rules)
}

const sorted = (state: StateMap) => [...state].sort(([left], [right]) => (left < right ? -1 : 1))

describe.each(['2', '11', '12'])('S1: a fork with a change of state at every step, in version %s', (version) => {
  it('takes all of it in turn by turn, reads each event once for all the resolutions on the way, and resolves to what the rules say', async () => {
    const room = await createLocalRoom(ALICE, version)
    const start = await branchOf(room, version)
    const [left, right] = [longBranch(start, 'left', version), longBranch(start, 'right', version)]
    await ingest(room, left)
    const commitsBefore = costTotals().commit ?? 0
    await ingest(room, right)
    // No turn resolves for long: more commits than calls, and nothing that waited is left when the last call is answered.
    expect((costTotals().commit ?? 0) - commitsBefore).toBeGreaterThan(Math.ceil(CHANGES / PDUS_PER_CALL))
    await runInDurableObject(room.stub, (_room, state) => {
      const core = new RoomCore(state, env)
      expect(core.store.all('SELECT event_id FROM staged')).toEqual([])
      const places = right.map(({ eventId }) => core.events.findById(eventId)?.pos)
      expect(places.every((pos, n) => pos !== undefined && pos > (places[n - 1] ?? 0))).toBe(true)
      const groupsOf = (events: readonly RoomEvent[]) => events.flatMap(({ eventId }) => core.events.findById(eventId)?.groupAfter ?? [])
      const [end = 0] = groupsOf(left.slice(-1))
      const tips = core.events.getMany(core.head.extremities).map(({ groupAfter }) => groupAfter)
      expect(sorted(stateOf(core, core.head.currentGroup))).toEqual(sorted(resolvedPlainly(core, tips)))
      const resolutions = resolutionEventsOf(core)
      for (const [n, group] of groupsOf(right).entries()) {
        state.storage.sql.exec('DELETE FROM resolutions')
        const resolved = core.store.transaction(undefined, () =>
          resolveGroups(core, [end, group], core.roomId, core.rules, Number.POSITIVE_INFINITY),
        )
        if (n % COMPARED_EVERY === 0) expect(sorted(stateOf(core, resolved))).toEqual(sorted(resolvedPlainly(core, [end, group])))
      }
      const events = core.store.first<{ n: number }>('SELECT count(*) AS n FROM events')?.n ?? 0
      expect(events).toBeGreaterThan(CHANGES)
      expect(resolutions.reads).toBeLessThanOrEqual(events)
    })
  })
})

it('what storage changes, or may have taken back, is read again for resolutions', async () => {
  const room = await createLocalRoom(ALICE, '11')
  await room.setState(ALICE, 'm.room.topic', '', { topic: 'as it was sent' })
  await runInDurableObject(room.stub, (_room, state) => {
    const core = new RoomCore(state, env)
    const resolutions = resolutionEventsOf(core).hold(core.roomId)
    const topic = core.currentEvent('m.room.topic', '')
    if (topic === undefined) throw new Error('no topic')
    expect(resolutions.get(topic.eventId)?.content).toEqual({ topic: 'as it was sent' })
    expect(resolutions.get(topic.eventId)?.content).toEqual({ topic: 'as it was sent' })
    expect(resolutions.reads).toBe(1)
    core.store.transaction(undefined, () => core.events.redact(topic, { type: topic.type, content: {} }, topic.nid, 0))
    core.forgetRoomEvent(topic.nid)
    expect(resolutions.get(topic.eventId)?.content).toEqual({})
    expect(resolutions.reads).toBe(2)
    core.forgetCaches()
    expect(resolutions.isRejected(topic.eventId)).toBe(false)
    expect(resolutions.reads).toBe(3)
  })
})
