import { expect, it } from 'vitest'
import { MAX_HELD_UP_MS, MAX_RESOLUTION_WAITS } from '../../../../../src/durable/room/graph/limits.ts'
import { Starving } from '../../../../../src/durable/room/graph/starving.ts'

const NOW = 1_000_000

function afterWaits(waits: number, ...eventIds: string[]): Starving {
  const starving = new Starving()
  for (const eventId of eventIds) for (let wait = 0; wait < waits; wait += 1) starving.tried(eventId, NOW)
  return starving
}

it('others wait for an event that has waited in vain often enough, and no longer than it does', () => {
  expect(afterWaits(MAX_RESOLUTION_WAITS - 1, '$a').holdsUp('$b')).toBe(false)
  const starving = afterWaits(MAX_RESOLUTION_WAITS, '$a')
  expect([starving.holdsUp('$a'), starving.holdsUp('$b')]).toEqual([false, true])
  starving.ended('$a')
  expect(starving.holdsUp('$b')).toBe(false)
  starving.tried('$a', NOW)
  expect(starving.holdsUp('$b')).toBe(false)
})

it('events that starve together do not wait for one another', () => {
  const starving = afterWaits(MAX_RESOLUTION_WAITS, '$a', '$b')
  expect(['$a', '$b', '$c'].map((eventId) => starving.holdsUp(eventId))).toEqual([false, false, true])
  starving.ended('$a')
  expect([starving.holdsUp('$a'), starving.holdsUp('$b')]).toEqual([true, false])
})

it('nobody waits for an event that is staged no longer, and for nobody longer than a bound', () => {
  const gone = afterWaits(MAX_RESOLUTION_WAITS, '$a')
  gone.review(new Map([['$b', 1]]), NOW)
  expect(gone.holdsUp('$b')).toBe(false)
  const slow = afterWaits(MAX_RESOLUTION_WAITS, '$a')
  slow.review(new Map([['$a', 1]]), NOW + MAX_HELD_UP_MS)
  expect(slow.holdsUp('$b')).toBe(true)
  slow.review(new Map([['$a', 1]]), NOW + MAX_HELD_UP_MS + 1)
  expect(slow.holdsUp('$b')).toBe(false)
})
