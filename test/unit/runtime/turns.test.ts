import { describe, expect, it } from 'vitest'
import { inTurns } from '../../../src/runtime/turns.ts'

describe('work that goes to many', () => {
  it('does each item once, at most so many at once, and lets others run in between', async () => {
    const done: number[] = []
    let underWay = 0
    let most = 0
    let others = 0
    const timer = setInterval(() => {
      others += 1
    }, 0)
    await inTurns([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      underWay += 1
      most = Math.max(most, underWay)
      await Promise.resolve()
      done.push(item)
      underWay -= 1
    })
    clearInterval(timer)
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(most).toBe(3)
    expect(others).toBeGreaterThan(0)
  })

  it('throws what failed', async () => {
    await expect(inTurns([1], 3, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(inTurns([], 3, () => Promise.reject(new Error('no')))).resolves.toBeUndefined()
  })
})
