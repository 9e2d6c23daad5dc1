import { describe, expect, it } from 'vitest'
import { Groups, inTurns } from '../../../src/runtime/turns.ts'

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

  it('starts each group in a turn of its own', async () => {
    const startedInTurn: number[] = [0]
    const isOver = (): boolean => startedInTurn.reduce((sum, count) => sum + count, 0) === 10
    const nextTurn = (): void => {
      startedInTurn.push(0)
      if (!isOver()) setTimeout(nextTurn, 0)
    }
    setTimeout(nextTurn, 0)
    await inTurns(Array.from({ length: 10 }), 4, async () => {
      startedInTurn[startedInTurn.length - 1] = (startedInTurn.at(-1) ?? 0) + 1
      for (let step = 0; step < 5; step += 1) await Promise.resolve()
    })
    expect(Math.max(...startedInTurn)).toBeLessThanOrEqual(4)
    expect(startedInTurn.filter((count) => count > 0)).toEqual([4, 4, 2])
  })

  it('starts no more than a group in one turn, and calls once for the next', async () => {
    const groups = new Groups(2)
    const rests: Promise<void>[] = []
    let calls = 0
    const ask = (): boolean =>
      groups.mayStart(
        () => {
          calls += 1
        },
        (rest) => rests.push(rest),
      )
    expect([ask(), ask(), ask(), ask()]).toEqual([true, true, false, false])
    await Promise.all(rests)
    expect([calls, rests.length]).toEqual([1, 1])
    expect([ask(), ask(), ask()]).toEqual([true, true, false])
    await Promise.all(rests)
    expect(ask()).toBe(true)
    groups.allEnded()
    expect([ask(), ask(), ask()]).toEqual([true, true, false])
  })

  it('throws what failed', async () => {
    await expect(inTurns([1], 3, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(inTurns([], 3, () => Promise.reject(new Error('no')))).resolves.toBeUndefined()
  })
})
