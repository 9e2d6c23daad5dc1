import { describe, expect, it } from 'vitest'
import { Buckets } from '../../../src/http/rate-limit.ts'

const LIMIT = { burst: 3, perSecond: 2 }

describe('a bucket of requests', () => {
  it('lets a burst through and then says how long to wait', () => {
    const buckets = new Buckets()
    expect([1, 2, 3].map(() => buckets.take('a', LIMIT, 1_000))).toEqual([0, 0, 0])
    expect(buckets.take('a', LIMIT, 1_000)).toBe(500)
    expect(buckets.take('a', LIMIT, 1_250)).toBe(250)
    expect(buckets.take('a', LIMIT, 1_500)).toBe(0)
    expect(buckets.take('a', LIMIT, 1_500)).toBe(500)
  })

  it('never holds more than its burst, and does not empty when the clock goes back', () => {
    const buckets = new Buckets()
    for (let count = 0; count < 3; count++) expect(buckets.take('a', LIMIT, 1_000_000)).toBe(0)
    expect(buckets.take('a', LIMIT, 0)).toBe(500)
    expect([1, 2, 3, 4].map(() => buckets.take('a', LIMIT, 9_000_000))).toEqual([0, 0, 0, 500])
  })

  it('is looked into without taking', () => {
    const buckets = new Buckets()
    for (let count = 0; count < 10; count++) expect(buckets.peek('a', LIMIT, 0)).toBe(0)
    for (let count = 0; count < 3; count++) buckets.take('a', LIMIT, 0)
    expect(buckets.peek('a', LIMIT, 0)).toBe(500)
  })

  it('is apart from others, whose number is bounded', () => {
    const buckets = new Buckets(2)
    for (let count = 0; count < 3; count++) buckets.take('a', LIMIT, 0)
    expect(buckets.take('b', LIMIT, 0)).toBe(0)
    expect(buckets.take('a', LIMIT, 0)).toBe(500)
    buckets.take('b', LIMIT, 0)
    buckets.take('c', LIMIT, 0)
    // "a" was idle longest and has been forgotten.
    expect(buckets.take('a', LIMIT, 0)).toBe(0)
  })
})
