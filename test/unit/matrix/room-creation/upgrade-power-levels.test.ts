import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { upgradedPowerLevels } from '../../../../src/matrix/room-creation/upgrade-power-levels.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'

const ALICE = '@alice:one.test'
const BOB = '@bob:one.test'
const CAROL = '@carol:one.test'

function rulesOf(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error('unknown version')
  return rules
}

function upgrade(from: string, to: string, content: JsonObject, creator = BOB, additionalCreators: readonly string[] = []) {
  const oldCreate = { sender: ALICE, content: { creator: ALICE, additional_creators: [CAROL] } }
  return upgradedPowerLevels({ content, oldCreate, oldRules: rulesOf(from), rules: rulesOf(to), creator, additionalCreators })
}

describe('power levels of a room that replaces another', () => {
  it('stay what they were between versions without privileged creators', () => {
    const content = { users: { [ALICE]: 100, [BOB]: 100 }, events: { 'm.room.name': 50 }, state_default: 50 }
    expect(upgrade('10', '11', content)).toEqual({ first: content, last: undefined })
  })

  it('let a creator of little power set the room up, and take that back', () => {
    const content = { users: { [ALICE]: 100, [BOB]: 50 }, events: { 'm.room.tombstone': 50, 'm.room.encryption': 110 } }
    expect(upgrade('10', '11', content)).toEqual({ first: { ...content, users: { [ALICE]: 100, [BOB]: 110 } }, last: content })
  })

  it('do not name creators from version 12 on, and reserve the end of the room for them', () => {
    const content = { users: { [ALICE]: 100, [BOB]: 100, [CAROL]: 50 }, events: { 'm.room.tombstone': 100 } }
    expect(upgrade('11', '12', content, BOB, [CAROL])).toEqual({
      first: { users: { [ALICE]: 100 }, events: { 'm.room.tombstone': 150 } },
      last: undefined,
    })
    const between12 = { users: { [BOB]: 150 }, events: { 'm.room.tombstone': 120 } }
    expect(upgrade('12', '12', between12).first).toEqual({ users: {}, events: { 'm.room.tombstone': 120 } })
  })

  it('give the creators of a version 12 room a level where they need one', () => {
    expect(upgrade('12', '11', { users: { [BOB]: 150 } })).toEqual({
      first: { users: { [ALICE]: 100, [CAROL]: 100, [BOB]: 150 } },
      last: undefined,
    })
  })

  it('become integers where texts were allowed before', () => {
    expect(upgrade('9', '10', { users: { [BOB]: '100' }, ban: ' 50 ', kick: 'x', events: { a: 10.9 } }).first).toEqual({
      users: { [BOB]: 100 },
      ban: 50,
      events: { a: 10 },
    })
  })
})
