import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FeedKeeper } from '../../../../src/durable/user/feed-keeper.ts'
import { USER_MIGRATIONS } from '../../../../src/storage/user/migrations.generated.ts'
import { NodeObjectDatabase } from '../../../support/node-object-store.ts'

const SECOND_MS = 1_000

/** A user who is joined to rooms, each at position 10, with everything written. */
function keeperOf(roomIds: readonly string[], isParked: () => boolean = () => true) {
  const db = new NodeObjectDatabase()
  const ctx: Pick<DurableObjectState, 'abort'> = { abort: () => undefined }
  const keeper = new FeedKeeper(db.open(USER_MIGRATIONS), ctx as DurableObjectState, isParked)
  for (const roomId of roomIds) {
    const notice = { roomId, generation: 'g', membership: 'join', pos: 10, head: 10 } as const
    keeper.feed.notice({ ...notice, eventId: '$e', sender: '@s:x', strippedState: undefined, isDirect: false })
  }
  keeper.flush()
  const hint = (roomId: string, head: number): void => {
    keeper.feed.hint({ roomId, generation: 'g', head })
    keeper.flushSoon()
  }
  const written = db.commits
  return { keeper, hint, commits: () => db.commits - written }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('what a user heard', () => {
  it('is written once for a burst, when it has been quiet', () => {
    const { keeper, hint, commits } = keeperOf(['!a', '!b'])
    for (let head = 11; head < 41; head += 1) {
      hint(head % 2 === 0 ? '!a' : '!b', head)
      vi.advanceTimersByTime(SECOND_MS)
    }
    expect(commits()).toBe(0)
    vi.advanceTimersByTime(10 * SECOND_MS)
    expect(commits()).toBe(1)
    expect(keeper.feed.durablePos('!a', 'g')).toBe(40)
    vi.advanceTimersByTime(100 * SECOND_MS)
    expect(commits()).toBe(1)
  })

  it('is written about once a minute where it is never quiet', () => {
    const { hint, commits } = keeperOf(['!a'])
    for (let head = 11; head < 311; head += 1) {
      hint('!a', head)
      vi.advanceTimersByTime(SECOND_MS)
    }
    expect(commits()).toBeGreaterThanOrEqual(4)
    expect(commits()).toBeLessThanOrEqual(5)
  })
})

describe('rooms with news', () => {
  it('are marked in the same commit where nobody watches, once', () => {
    const { keeper, hint, commits } = keeperOf(['!a', '!b', '!c'], () => false)
    hint('!a', 11)
    hint('!b', 11)
    vi.advanceTimersByTime(10 * SECOND_MS)
    expect(commits()).toBe(1)
    expect(keeper.feed.rooms.dirtyRoomIds()).toEqual(['!a', '!b'])
    for (const roomId of ['!a', '!b']) {
      keeper.feed.clearDirty(roomId, 'pulled')
      keeper.flushSoon()
    }
    vi.advanceTimersByTime(10 * SECOND_MS)
    expect(commits()).toBe(2)
    expect(keeper.feed.rooms.dirtyRoomIds()).toEqual([])
  })

  it('are not where a poll waits or has come since', () => {
    const parked = keeperOf(['!a'])
    parked.hint('!a', 11)
    const polling = keeperOf(['!a'], () => false)
    polling.hint('!a', 11)
    vi.advanceTimersByTime(SECOND_MS)
    polling.keeper.notePoll(Date.now())
    vi.advanceTimersByTime(10 * SECOND_MS)
    for (const { keeper, commits } of [parked, polling]) {
      expect(commits()).toBe(1)
      expect(keeper.feed.rooms.dirtyRoomIds()).toEqual([])
    }
  })
})
