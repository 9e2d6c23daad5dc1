import { describe, expect, it } from 'vitest'
import { fromPairs } from '../../../../src/api/client/sync/sliding-schema.ts'
import { needsMembers } from '../../../../src/durable/user/sliding-config.ts'

const HERE = 'here.example'
const ME = '@me:here.example'
const needs = (...pairs: [string, string][]): boolean => needsMembers(fromPairs(pairs, ME), HERE)

describe('state that a room without its members cannot give', () => {
  it('is all members, all state, any type of a user of another server', () => {
    expect(needs(['m.room.member', '*'])).toBe(true)
    expect(needs(['*', '*'])).toBe(true)
    expect(needs(['m.room.member', '@them:there.example'])).toBe(true)
    expect(needs(['*', '@them:there.example'])).toBe(true)
    expect(needs(['m.room.member', '*'], ['m.room.member', '$LAZY'])).toBe(true)
  })

  it('is nothing else', () => {
    expect(needs()).toBe(false)
    expect(needs(['m.room.member', '$LAZY'])).toBe(false)
    expect(needs(['m.room.member', '$ME'], ['m.room.member', '@also:here.example'])).toBe(false)
    expect(needs(['*', '*'], ['m.room.member', '$LAZY'])).toBe(false)
    expect(needs(['m.room.name', ''], ['m.space.child', '*'], ['*', ''])).toBe(false)
    expect(needsMembers([{ include: [{}], exclude: [{ type: 'm.room.member' }], lazyMembers: false }], HERE)).toBe(false)
  })
})
