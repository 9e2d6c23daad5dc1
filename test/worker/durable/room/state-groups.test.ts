import { runInDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { ObjectStore } from '../../../../src/storage/object-store.ts'
import { ROOM_MIGRATIONS } from '../../../../src/storage/room/migrations.generated.ts'
import { StateGroups } from '../../../../src/storage/room/state-groups.ts'
import { createLocalRoom, roomStub } from '../../../support/local-room.ts'

const CREATOR = '@creator:remote.example'
const member = (n: number): string => `@member${n}:remote.example`

it('stores 10,000 membership changes of a room of 5,000 in 10 MB, 20 rows a change', async () => {
  const room = await createLocalRoom(CREATOR)
  const inBatches = async (count: number, change: (n: number) => Promise<unknown>): Promise<void> => {
    for (let start = 0; start < count; start += 64) {
      await Promise.all(Array.from({ length: Math.min(64, count - start) }, (_, n) => change(start + n)))
    }
  }
  await inBatches(5_000, (n) => room.setState(member(n), 'm.room.member', member(n), { membership: 'join' }))
  const size = () => runInDurableObject(room.stub, (_room, state) => state.storage.sql.databaseSize)
  const [sizeBefore, rowsBefore] = [await size(), costTotals().rowsWritten]
  await inBatches(10_000, (n) => {
    const userId = member((n * 7) % 5_000)
    return room.setState(userId, 'm.room.member', userId, { membership: 'join', displayname: `name ${n}` })
  })
  const rowsPerChange = (costTotals().rowsWritten - rowsBefore) / 10_000
  const grownMb = ((await size()) - sizeBefore) / 1e6
  expect(rowsPerChange).toBeLessThanOrEqual(20)
  expect(grownMb).toBeLessThanOrEqual(10)
  const reads = await runInDurableObject(room.stub, (_room, state) => {
    const store = new ObjectStore(state.storage, ROOM_MIGRATIONS)
    const groups = new StateGroups(store)
    const events = store.all<{ group_after: number }>('SELECT group_after FROM events ORDER BY nid')
    const keys = store.all<{ kid: number }>('SELECT kid FROM state_keys')
    let most = 0
    for (let n = 0; n < 500; n += 1) {
      const before = groups.layerReads
      groups.lookup(events[(n * 31) % events.length]?.group_after ?? 0, keys[(n * 17) % keys.length]?.kid ?? 0)
      most = Math.max(most, groups.layerReads - before)
    }
    return most
  })
  expect(reads).toBeLessThanOrEqual(20)
}, 240_000)

it('answers the same as a plain map after any sequence of extensions', async () => {
  const stub = roomStub('!groups:test.example')
  await runInDurableObject(stub, (_room, state) => {
    const store = new ObjectStore(state.storage, ROOM_MIGRATIONS)
    store.migrate()
    const groups = new StateGroups(store)
    let seed = 1
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % below
    }
    const states: { group: number; expected: Map<number, number> }[] = [{ group: 0, expected: new Map() }]
    store.transaction(undefined, () => {
      for (let n = 1; n <= 400; n += 1) {
        // Forks happen: extend any earlier state, sometimes by many keys, sometimes taking keys away.
        const base = states[Math.max(0, states.length - 1 - random(random(5) === 0 ? states.length : 1))]
        if (base === undefined) throw new Error('no base')
        const changes = Array.from({ length: random(20) === 0 ? 3000 : 1 + random(3) }, () => ({
          kid: 1 + random(5000),
          nid: random(10) === 0 ? 0 : n,
        }))
        const expected = new Map(base.expected)
        for (const { kid, nid } of changes) {
          if (nid === 0) expected.delete(kid)
          else expected.set(kid, nid)
        }
        states.push({ group: groups.extend(base.group, changes), expected })
      }
    })
    const cold = new StateGroups(store)
    for (const { group, expected } of states) {
      expect(cold.chainLength(group)).toBeLessThanOrEqual(20)
      for (let n = 0; n < 20; n += 1) {
        const kid = 1 + random(5000)
        expect(cold.lookup(group, kid)).toBe(expected.get(kid))
      }
    }
    const last = states.at(-1)
    expect(new Map([...cold.all(last?.group ?? 0)].sort())).toEqual(new Map([...(last?.expected ?? [])].sort()))
  })
})
