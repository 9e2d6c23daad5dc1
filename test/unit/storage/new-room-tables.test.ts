import { expect, it } from 'vitest'
import type { Membership } from '../../../src/matrix/membership.ts'
import type { ObjectStore } from '../../../src/storage/object-store.ts'
import { ROOM_BASELINE } from '../../../src/storage/room/baseline.generated.ts'
import { CurrentState } from '../../../src/storage/room/current-state.ts'
import { MemberTable } from '../../../src/storage/room/members.ts'
import { ROOM_MIGRATIONS } from '../../../src/storage/room/migrations.generated.ts'
import { StateKeyTable } from '../../../src/storage/room/state-keys.ts'
import { NodeObjectDatabase } from '../../support/node-object-store.ts'

const newStore = (): ObjectStore => new NodeObjectDatabase().open(ROOM_MIGRATIONS, ROOM_BASELINE)

it('Members are counted in memory as they come and go, as the database counts them', () => {
  const store = newStore()
  const members = new MemberTable(store)
  members.startEmpty()
  const others: Membership[] = ['join', 'leave', 'invite', 'ban']
  for (let step = 0; step < 60; step += 1) {
    const userId = `@u${step % 7}:${step % 3 === 0 ? 'here' : 'there'}`
    // Every other change is made without having looked, as imports make them.
    if (step % 2 === 0) members.find(userId)
    if (step % 11 === 10) members.delete(userId)
    else members.set({ userId, membership: others[(step * 7) % 4] ?? 'join', local: userId.endsWith(':here'), nid: step, pos: step })
    const asRead = new MemberTable(store)
    for (const membership of others) expect(members.count(membership)).toBe(asRead.count(membership))
    expect(members.find(userId)).toEqual(asRead.find(userId))
    expect(members.hasRemoteJoined()).toBe(asRead.hasRemoteJoined())
  }
})

it('What a new room has in memory is what its next life reads', () => {
  const store = newStore()
  const [keys, state] = [new StateKeyTable(store), new CurrentState(store)]
  for (const table of [keys, state]) table.startEmpty()
  for (let step = 1; step <= 40; step += 1) {
    const stateKey = `@u${(step * 5) % 13}:here`
    const before = keys.find('m.room.member', stateKey)
    const kid = keys.intern('m.room.member', stateKey)
    if (before !== undefined) expect(kid).toBe(before)
    state.move(kid, step % 9 === 0 ? 0 : step, step)
    const [keysRead, stateRead] = [new StateKeyTable(store), new CurrentState(store)]
    expect(keysRead.find('m.room.member', stateKey)).toBe(kid)
    expect(state.find(kid)).toBe(stateRead.find(kid))
    expect(state.whole()).toEqual(stateRead.whole())
  }
  expect(keys.find('m.room.topic', '')).toBeUndefined()
})

it('What was rolled back is not remembered of a new room either', () => {
  const store = newStore()
  const keys = new StateKeyTable(store)
  keys.startEmpty()
  expect(() =>
    store.transaction(undefined, () => {
      keys.intern('m.room.name', '')
      throw new Error('refused')
    }),
  ).toThrow('refused')
  keys.forgetCache()
  expect(keys.find('m.room.name', '')).toBeUndefined()
  expect(new StateKeyTable(store).find('m.room.topic', '')).toBeUndefined()
  expect(keys.intern('m.room.topic', '')).toBe(1)
})
