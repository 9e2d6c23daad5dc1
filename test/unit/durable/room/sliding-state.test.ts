import { expect, it } from 'vitest'
import { lazyMembersOf, wantsState } from '../../../../src/durable/room/sync/sliding-state.ts'

const lazy = { include: [], exclude: [], lazyMembers: true }

it('loads members lazily unless one of the configurations wants them all', () => {
  expect(lazyMembersOf([lazy])).toBe(true)
  expect(lazyMembersOf([lazy, { include: [{}], exclude: [], lazyMembers: false }])).toBe(false)
  expect(lazyMembersOf([lazy, { include: [{ type: 'm.room.member' }], exclude: [], lazyMembers: false }])).toBe(false)
  expect(lazyMembersOf([lazy, { include: [{ type: 'm.room.name' }], exclude: [], lazyMembers: false }])).toBe(true)
})

it('goes on loading members lazily where a configuration wants everything but them', () => {
  const allButMembers = { include: [{}], exclude: [{ type: 'm.room.member' }], lazyMembers: false }
  expect(lazyMembersOf([allButMembers, lazy])).toBe(true)
  expect(wantsState([allButMembers, lazy], 'm.room.member', '@somebody:test.example')).toBe(false)
  expect(wantsState([allButMembers, lazy], 'm.room.topic', '')).toBe(true)
})
