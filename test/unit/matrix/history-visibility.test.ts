import { describe, expect, test } from 'vitest'
import {
  type HistoryVisibility,
  historyVisibilityOf,
  mayReadEvent,
  mayServerReadEvent,
  membershipOf,
  visibilityQuestion,
} from '../../../src/matrix/history-visibility.ts'
import type { Membership } from '../../../src/matrix/membership.ts'

const VISIBILITIES: readonly HistoryVisibility[] = ['world_readable', 'shared', 'invited', 'joined']
const MEMBERSHIPS: readonly Membership[] = ['join', 'invite', 'knock', 'leave', 'ban']

/**
 * The rules of client-server-api#room-history-visibility for every visibility and membership at the event: `y` readable, `n` not,
 * `l` only for those who joined at some point after it.
 */
const TABLE: Readonly<Record<HistoryVisibility, string>> = {
  //               join invite knock leave ban
  world_readable: 'yyyyy',
  shared: 'yllll',
  invited: 'yynnn',
  joined: 'ynnnn',
}

const readable = (visibility: HistoryVisibility, membership: Membership, joinedLater: boolean): boolean => {
  const answer = TABLE[visibility][MEMBERSHIPS.indexOf(membership)]
  return answer === 'y' || (answer === 'l' && joinedLater)
}

const combinations = VISIBILITIES.flatMap((visibility) =>
  MEMBERSHIPS.flatMap((membership) => [true, false].map((joinedLater) => ({ visibility, membership, joinedLater }))),
)
const message = { type: 'm.room.message', stateKey: undefined, content: {} }

describe('history visibility (client-server-api#room-history-visibility)', () => {
  test.each(combinations)('answers for $visibility, $membership, joined later: $joinedLater', (before) => {
    const expected = readable(before.visibility, before.membership, before.joinedLater)
    expect(mayReadEvent(visibilityQuestion(message, '@me:one.test', before))).toBe(expected)
  })

  test.each(combinations)('lets either side of a change of visibility decide: $visibility, $membership, $joinedLater', (before) => {
    for (const after of VISIBILITIES) {
      const change = { type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: after } }
      const expected = [before.visibility, after].some((visibility) => readable(visibility, before.membership, before.joinedLater))
      expect(mayReadEvent(visibilityQuestion(change, '@me:one.test', before))).toBe(expected)
    }
  })

  test.each(combinations)('shows users their own memberships and no others’: $visibility, $membership, $joinedLater', (before) => {
    for (const membership of MEMBERSHIPS) {
      const change = { type: 'm.room.member', stateKey: '@me:one.test', content: { membership } }
      expect(mayReadEvent(visibilityQuestion(change, '@me:one.test', before))).toBe(true)
      const expected = readable(before.visibility, before.membership, before.joinedLater)
      expect(mayReadEvent(visibilityQuestion(change, '@you:one.test', before))).toBe(expected)
    }
  })

  test('takes no notice of events that only look like state', () => {
    const before = { visibility: 'joined', membership: 'leave', joinedLater: false } as const
    for (const stateKey of [undefined, 'x']) {
      const fake = { type: 'm.room.history_visibility', stateKey, content: { history_visibility: 'world_readable' } }
      expect(mayReadEvent(visibilityQuestion(fake, '@me:one.test', before))).toBe(false)
    }
    const fake = { type: 'm.room.member', stateKey: undefined, content: { membership: 'join' } }
    expect(mayReadEvent(visibilityQuestion(fake, '@me:one.test', before))).toBe(false)
  })

  test.each([undefined, {}, { history_visibility: 1 }, { history_visibility: 'everyone' }])('is shared if it is %j', (content) => {
    expect(historyVisibilityOf(content)).toBe('shared')
  })

  test('reads visibility and membership from content', () => {
    expect(VISIBILITIES.map((visibility) => historyVisibilityOf({ history_visibility: visibility }))).toEqual(VISIBILITIES)
    expect(MEMBERSHIPS.map((membership) => membershipOf({ membership }))).toEqual(MEMBERSHIPS)
    expect([undefined, {}, { membership: 7 }].map(membershipOf)).toEqual(['leave', 'leave', 'leave'])
  })

  test('gives a server in the room what its users may read together', () => {
    expect(mayServerReadEvent('shared', undefined, [])).toBe(true)
    expect(mayServerReadEvent('world_readable', undefined, [])).toBe(true)
    expect(mayServerReadEvent('invited', undefined, ['leave', 'invite'])).toBe(true)
    expect(mayServerReadEvent('invited', undefined, ['leave', 'ban', 'knock'])).toBe(false)
    expect(mayServerReadEvent('joined', undefined, ['invite'])).toBe(false)
    expect(mayServerReadEvent('joined', undefined, ['invite', 'join'])).toBe(true)
    expect(mayServerReadEvent('joined', 'shared', [])).toBe(true)
  })
})
