import { describe, expect, it } from 'vitest'
import { Feed } from '../../../../src/durable/user/feed.ts'
import { movedKey, movedSince } from '../../../../src/durable/user/sliding-moved.ts'
import type { SlidingToken } from '../../../../src/durable/user/sliding-token.ts'
import { USER_MIGRATIONS } from '../../../../src/storage/user/migrations.generated.ts'
import { NodeObjectDatabase } from '../../../support/node-object-store.ts'

/*
 * D13: rooms are asked who came and went in portions, over as many responses as it takes; no movement is passed over.
 */

const ROOMS = 9
const AT_ONCE = 2

function world(): { readonly feed: Feed; readonly ids: readonly string[]; move(room: number, pos: number): void } {
  const feed = new Feed(new NodeObjectDatabase().open(USER_MIGRATIONS), 'boot')
  const ids = Array.from({ length: ROOMS }, (_, n) => `!room${n}`)
  for (const roomId of ids) {
    const notice = { roomId, generation: 'g', membership: 'join' as const, pos: 1, head: 1, eventId: '$e', sender: '@me:test' }
    feed.notice({ ...notice, strippedState: undefined, isDirect: false })
  }
  feed.flush()
  const move = (room: number, pos: number): void => {
    const roomId = `!room${room}`
    feed.hint({ roomId, generation: 'g', head: pos })
    const row = feed.rooms.find(roomId)
    if (row !== undefined) feed.rooms.setInMemory({ ...row, memberPos: pos })
  }
  return { feed, ids, move }
}

function tokenAt(feed: Feed, memberSeq: number, held = new Map<string, number>()): SlidingToken {
  return { nonce: 'n', answer: 1, memberSeq, sync: { ...feed.issue(), toDevice: 0, accountData: 0, deviceLists: 0, held } }
}

describe('who came and went', () => {
  it('is asked of every room in the end, also where rooms move meanwhile', () => {
    const { feed, ids, move } = world()
    const start = feed.seq
    feed.issue()
    for (const [room] of ids.entries()) move(room, 10 + room)
    const told = new Map<string, number>(ids.map((roomId) => [roomId, 1]))
    let memberSeq = start
    let responses = 0
    for (; memberSeq < feed.seq || responses === 0; responses += 1) {
      const { rooms, upTo } = movedSince(feed, tokenAt(feed, memberSeq), feed.seq, new Set(), AT_ONCE)
      expect(rooms.length).toBeLessThanOrEqual(AT_ONCE)
      expect(upTo).toBeGreaterThan(memberSeq)
      for (const { roomId, from, to } of rooms) {
        // Nothing between what the client was told and what it is told now is left out.
        expect(from).not.toBeNull()
        expect(from).toBeLessThanOrEqual(told.get(roomId) ?? 0)
        told.set(roomId, to)
      }
      memberSeq = upTo
      // A room that was told of moves again, as does one that waits.
      if (responses < 3) for (const room of [0, ROOMS - 1]) move(room, 100 + responses)
    }
    expect(responses).toBeLessThan(3 * ROOMS)
    for (const roomId of ids) expect(told.get(roomId), roomId).toBe(feed.rooms.find(roomId)?.lastPos)
  })

  it('is asked at once of rooms that the response shows', () => {
    const { feed, ids, move } = world()
    const start = feed.seq
    feed.issue()
    for (const [room] of ids.entries()) move(room, 10)
    const shown = ids.at(-1) ?? ''
    const { rooms, upTo } = movedSince(feed, tokenAt(feed, start), feed.seq, new Set([shown]), AT_ONCE)
    expect(rooms.map(({ roomId }) => roomId)).toEqual([ids[0], ids[1], shown])
    expect(upTo).toBeLessThan(feed.seq)
  })

  it('is asked again of rooms that could not be asked, from where the client is', () => {
    const { feed, ids, move } = world()
    const start = feed.seq
    feed.issue()
    move(3, 10)
    const roomId = ids[3] ?? ''
    const token = tokenAt(feed, feed.seq, new Map([[movedKey(roomId), start]]))
    expect(movedSince(feed, token, feed.seq, new Set()).rooms).toEqual([{ roomId, from: 1, to: 10, sinceSeq: start }])
  })
})
