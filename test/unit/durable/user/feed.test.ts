import { describe, expect, it } from 'vitest'
import type { MembershipNotice } from '../../../../src/durable/protocol.ts'
import { Feed } from '../../../../src/durable/user/feed.ts'
import { type FeedLimits, MAX_UNFLUSHED_ENTRIES } from '../../../../src/durable/user/feed-limits.ts'
import { USER_MIGRATIONS } from '../../../../src/storage/user/migrations.generated.ts'
import { readDirtyRoomIds, readStrippedState } from '../../../../src/storage/user/room-list.ts'
import { NodeObjectDatabase } from '../../../support/node-object-store.ts'

const LIMITS: FeedLimits = { maxEntries: 10, pruneSlack: 0, maxBoots: 4 }

/** A database and the lives of the object on it. */
class Lives {
  readonly db = new NodeObjectDatabase()
  store = this.db.open(USER_MIGRATIONS)
  #count = 0

  next(limits?: FeedLimits): Feed {
    this.#count += 1
    this.store = this.db.open(USER_MIGRATIONS)
    return limits === undefined ? new Feed(this.store, `boot${this.#count}`) : new Feed(this.store, `boot${this.#count}`, limits)
  }
}

function notice(
  roomId: string,
  membership: MembershipNotice['membership'],
  pos: number,
  more: Partial<MembershipNotice> = {},
): MembershipNotice {
  const fixed = { generation: 'g', eventId: '$e', sender: '@s:x', strippedState: undefined, isDirect: false }
  return { roomId, membership, pos, head: pos, ...fixed, ...more }
}

function take(feed: Feed, given: MembershipNotice): void {
  expect(feed.notice(given)).toBe(true)
  feed.flushNotice(given)
}

const hint = (roomId: string, head: number) => ({ roomId, generation: 'g', head })
const changes = (feed: Feed, seq: number) => feed.changedSince(seq).map(({ row, from }) => [row.roomId, from, row.lastPos])

describe('hints', () => {
  it('of rooms that the list does not name as joined change nothing', () => {
    const feed = new Lives().next()
    expect(feed.hint(hint('!a', 5))).toBe('stranger')
    take(feed, notice('!a', 'invite', 6))
    expect(feed.hint(hint('!a', 9))).toBe('stranger')
    expect(feed.needsFlush).toBe(false)
  })

  it('extend the latest entry until a token covers it, and append one afterwards', () => {
    const feed = new Lives().next()
    take(feed, notice('!a', 'join', 5))
    const first = feed.issue().seq
    expect([feed.hint(hint('!a', 6)), feed.hint(hint('!a', 8)), feed.hint(hint('!a', 7))]).toEqual(['appended', 'extended', 'old'])
    expect(changes(feed, first)).toEqual([['!a', 5, 8]])
    const second = feed.issue().seq
    expect(feed.hint(hint('!a', 9))).toBe('appended')
    expect(changes(feed, second)).toEqual([['!a', 8, 9]])
    expect(changes(feed, first)).toEqual([['!a', 5, 9]])
  })

  it('are durable only once flushed, in one commit for all rooms, which writes changed rows only', () => {
    const lives = new Lives()
    const feed = lives.next()
    for (const roomId of ['!a', '!b', '!c']) take(feed, notice(roomId, 'join', 5))
    feed.hint(hint('!a', 6))
    feed.hint(hint('!b', 7))
    expect([feed.durablePos('!a', 'g'), feed.durablePos('!b', 'g')]).toEqual([5, 5])
    const { commits } = lives.db
    feed.flush()
    feed.flush()
    expect(lives.db.commits).toBe(commits + 1)
    expect([feed.durablePos('!a', 'g'), feed.durablePos('!b', 'g'), feed.durablePos('!a', 'other')]).toEqual([6, 7, 0])
    expect(lives.next().rooms.find('!b')?.lastPos).toBe(7)
  })

  it('make a flush urgent before they take much memory', () => {
    const feed = new Lives().next()
    take(feed, notice('!a', 'join', 1))
    for (let head = 2; head < MAX_UNFLUSHED_ENTRIES + 2; head += 1) {
      expect(feed.flushIsUrgent).toBe(false)
      feed.issue()
      feed.hint(hint('!a', head))
    }
    expect(feed.flushIsUrgent).toBe(true)
  })
})

describe('marks', () => {
  it('of a life that wrote everything are good for ever, even after its record is gone', () => {
    const lives = new Lives()
    const feed = lives.next(LIMITS)
    take(feed, notice('!a', 'join', 5))
    const mark = feed.issue()
    for (let head = 6; head < 12; head += 1) {
      const next = lives.next(LIMITS)
      next.hint(hint('!a', head))
      next.flush()
    }
    const now = lives.next(LIMITS)
    expect(now.resolve(mark)).toEqual({ seq: mark.seq, tailLost: false })
    expect(changes(now, mark.seq)).toEqual([['!a', 5, 11]])
  })

  it('beyond what their life wrote fall back to what was durable', () => {
    const lives = new Lives()
    const feed = lives.next()
    take(feed, notice('!a', 'join', 5))
    const durable = feed.issue()
    feed.hint(hint('!a', 6))
    const lost = feed.issue()
    expect(lives.next().resolve(lost)).toEqual({ seq: durable.seq, tailLost: true })
  })

  it('from the future of the database, which was restored, mean nothing: everything is new', () => {
    const feed = new Lives().next()
    take(feed, notice('!a', 'join', 5))
    expect(feed.resolve({ boot: 'gone', seq: 700, durable: 690 })).toEqual({ seq: 0, tailLost: true })
    expect(changes(feed, 0)).toEqual([['!a', null, 5]])
  })
})

describe('pruning', () => {
  it('keeps the latest entries, and makes rooms new where a client would need an older one', () => {
    const lives = new Lives()
    const feed = lives.next(LIMITS)
    take(feed, notice('!quiet', 'join', 1))
    take(feed, notice('!busy', 'join', 1))
    const mark = feed.issue()
    feed.hint(hint('!quiet', 2))
    for (let head = 2; head < 30; head += 1) {
      feed.issue()
      feed.hint(hint('!busy', head))
      feed.flush()
    }
    expect(lives.store.all('SELECT * FROM feed').length).toBeLessThanOrEqual(LIMITS.maxEntries)
    for (const life of [feed, lives.next(LIMITS)]) {
      expect(changes(life, mark.seq).sort()).toEqual([
        ['!busy', null, 29],
        ['!quiet', null, 2],
      ])
      expect(changes(life, life.seq - 1)).toEqual([['!busy', 28, 29]])
      expect(changes(life, life.seq)).toEqual([])
    }
  })
})

describe('notices', () => {
  it('are durable with their stripped state, and taken once', () => {
    const lives = new Lives()
    const feed = lives.next()
    const invite = notice('!a', 'invite', 5, { strippedState: '[1]', sender: '@inviter:x' })
    take(feed, invite)
    expect(feed.notice(invite)).toBe(false)
    const next = lives.next()
    expect(next.notice(invite)).toBe(false)
    expect(next.rooms.find('!a')).toMatchObject({ membership: 'invite', sender: '@inviter:x' })
    expect(readStrippedState(lives.store, '!a')).toBe('[1]')
    take(next, notice('!a', 'join', 6))
    expect(readStrippedState(lives.store, '!a')).toBeUndefined()
  })

  it('end the window of a room at the leave, and begin it before the leave even where a hint was faster', () => {
    const feed = new Lives().next()
    take(feed, notice('!a', 'join', 5))
    const { seq } = feed.issue()
    feed.hint(hint('!a', 9))
    take(feed, notice('!a', 'leave', 9))
    expect(changes(feed, seq)).toEqual([['!a', 5, 9]])
    expect(changes(feed, seq + 1)).toEqual([['!a', 8, 9]])
    expect(feed.hint(hint('!a', 12))).toBe('stranger')
  })

  it('that come again do not bring back a room that was forgotten, but new ones do', () => {
    const lives = new Lives()
    const feed = lives.next()
    take(feed, notice('!a', 'join', 5))
    const left = notice('!a', 'leave', 6)
    take(feed, left)
    const row = feed.rooms.find('!a')
    if (row !== undefined) feed.forget(row)
    feed.flush()
    const next = lives.next()
    expect(next.notice(left)).toBe(false)
    expect(next.rooms.find('!a')?.forgotten).toBe(true)
    take(next, notice('!a', 'invite', 8))
    expect(next.rooms.find('!a')?.forgotten).toBe(false)
  })
})

describe('dirty marks', () => {
  it('outlive the object until the room was asked; asking in vain counts for this life only', () => {
    const lives = new Lives()
    const feed = lives.next()
    take(feed, notice('!a', 'join', 5))
    feed.markDirty('!a')
    feed.flush()
    const second = lives.next()
    expect(second.rooms.dirtyRoomIds()).toEqual(['!a'])
    second.clearDirty('!a', 'asked')
    second.flush()
    expect(second.rooms.dirtyRoomIds()).toEqual([])
    const third = lives.next()
    expect(third.rooms.dirtyRoomIds()).toEqual(['!a'])
    third.clearDirty('!a', 'pulled')
    third.flush()
    expect(readDirtyRoomIds(lives.store)).toEqual([])
  })

  it('for one life only, after a resumption, are never written', () => {
    const lives = new Lives()
    const feed = lives.next()
    take(feed, notice('!a', 'join', 5))
    feed.rooms.askAgain('!a')
    expect(feed.rooms.dirtyRoomIds()).toEqual(['!a'])
    feed.clearDirty('!a', 'pulled')
    expect(feed.needsFlush).toBe(false)
    feed.rooms.askAgain('!a')
    feed.flush()
    expect(readDirtyRoomIds(lives.store)).toEqual([])
  })
})
