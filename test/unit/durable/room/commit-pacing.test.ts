import { expect, test } from 'vitest'
import { CommitPacing } from '../../../../src/durable/room/append/commit-pacing.ts'

/** Commits of these sizes; answers how often the next one waited. */
function waitsOver(pacing: CommitPacing, sizes: readonly number[]): number {
  let waits = 0
  for (const size of sizes) {
    if (pacing.turns > 0) waits += 1
    pacing.committed(size)
  }
  return waits
}

const alone = (count: number): number[] => Array.from({ length: count }, () => 1)

test('a lone sender rarely waits for company', () => {
  expect(waitsOver(new CommitPacing(), alone(320))).toBe(10)
})

test('once operations have met, the next ones wait for each other', () => {
  const pacing = new CommitPacing()
  pacing.committed(2)
  expect(waitsOver(pacing, [5, 16, 1, 1, 9, 16])).toBe(6)
})

test('a room grows quiet again after a few commits of one', () => {
  const pacing = new CommitPacing()
  pacing.committed(16)
  expect(waitsOver(pacing, alone(20))).toBe(4)
})

test('a crowd is waited for twice as long, until it is gone', () => {
  const pacing = new CommitPacing()
  const turns = [2, 3, 8, 2, 1].map((size) => {
    pacing.committed(size)
    return pacing.turns
  })
  expect(turns).toEqual([1, 2, 2, 1, 1])
})
