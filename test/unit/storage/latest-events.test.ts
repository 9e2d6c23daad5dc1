import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LatestEvents } from '../../../src/storage/room/latest-events.ts'

const ord = fc.integer({ min: 1, max: 400 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'live' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('past' as const), ord }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'forget' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      after: fc.integer({ min: -1, max: 400 }),
      limit: fc.integer({ min: 1, max: 80 }),
    }),
  },
)

describe('the latest events', () => {
  it('are a page of the stored ones wherever they answer', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), ord, ord, fc.integer({ min: 1, max: 20 }), (steps, after, before, limit) => {
        const stored = new Map<number, number>()
        const highest = (): number => Math.max(0, ...stored.keys())
        const latest = new LatestEvents(highest)
        const read = (direction: 'backwards' | 'forwards', from: number, to: number): { ord: number; nid: number }[] =>
          [...stored]
            .filter(([at]) => at > from && at < to)
            .sort(([a], [b]) => (direction === 'forwards' ? a - b : b - a))
            .map(([at, nid]) => ({ ord: at, nid }))
        for (const [nid, { kind, ...rest }] of steps.entries()) {
          if (kind === 'forget') latest.forget()
          else if (kind === 'read' && 'limit' in rest) {
            // From the end of the room, or from somewhere below.
            for (const end of [Math.floor(highest()) + 1, before]) {
              const found = read('backwards', rest.after, end).slice(0, rest.limit)
              const known = latest.page('backwards', rest.after, end, rest.limit)
              if (known === undefined) latest.learn(rest.after, end, rest.limit, found)
              else expect(known).toEqual(found.map((place) => place.nid))
            }
          } else {
            const place = 'ord' in rest && kind === 'past' ? rest.ord - 0.5 : Math.floor(highest()) + 1
            if (stored.has(place)) continue
            latest.willInsert(place, nid)
            stored.set(place, nid)
          }
        }
        for (const direction of ['backwards', 'forwards'] as const) {
          const answer = latest.page(direction, after, before, limit)
          if (answer === undefined) continue
          expect(answer).toEqual(
            read(direction, after, before)
              .slice(0, limit)
              .map(({ nid }) => nid),
          )
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('are known from the first insertion on, and in bounded number', () => {
    const latest = new LatestEvents(() => 10)
    expect(latest.page('backwards', 10, 100, 5)).toBeUndefined()
    for (let at = 11; at <= 2000; at += 1) latest.willInsert(at, at)
    expect(latest.page('backwards', 1990, 3000, 5)).toEqual([2000, 1999, 1998, 1997, 1996])
    expect(latest.page('forwards', 2000, 3000, 5)).toEqual([])
    expect(latest.page('backwards', 1500, 3000, 5)).toEqual([2000, 1999, 1998, 1997, 1996])
    expect(latest.page('backwards', 1500, 3000, 500)).toBeUndefined()
    expect(latest.page('forwards', 1500, 3000, 5)).toBeUndefined()
  })

  it('are known from the first reading on, down to the beginning of a room where that was reached', () => {
    const latest = new LatestEvents(() => 3)
    const places = [3, 2, 1].map((at) => ({ ord: at, nid: at }))
    latest.learn(-1, 4, 16, places)
    latest.willInsert(4, 4)
    expect(latest.page('backwards', -1, 5, 16)).toEqual([4, 3, 2, 1])
  })
})
