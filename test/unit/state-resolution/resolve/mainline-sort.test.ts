import { describe, expect, test } from 'vitest'
import { MainlineSort, mainlineFrom } from '../../../../src/state-resolution/resolve/mainline-sort.ts'
import { sliceOver, type TinyEvent, tinyEvents } from '../../../support/tiny-events.ts'

const levels = (...auth: string[]): TinyEvent => ({ type: 'm.room.power_levels', auth })

/** Three generations of power levels, and one that branched off the first. */
const LINE = { $p1: levels(), $p2: levels('$p1'), $p3: levels('$p2'), $side: levels('$p1'), $side2: levels('$side') }

function sort(powerLevels: string | undefined, events: Record<string, TinyEvent>): string[] {
  const work = new MainlineSort(mainlineFrom(powerLevels), Object.keys(events))
  expect(work.advance(sliceOver(tinyEvents({ ...LINE, ...events })))).toBe(true)
  return work.sorted()
}

describe('mainline ordering (rooms/v2#definitions)', () => {
  test('puts what rests on older power levels first', () => {
    expect(sort('$p3', { $c: { auth: ['$p3'] }, $b: { auth: ['$p2'], ts: 9 }, $a: { auth: ['$p1'], ts: 99 } })).toEqual(['$a', '$b', '$c'])
  })

  test('places a branch where it left the mainline', () => {
    expect(sort('$p3', { $b: { auth: ['$p2'] }, $a: { auth: ['$side2'], ts: 9 }, $c: { auth: ['$p1'], ts: 10 } })).toEqual([
      '$a',
      '$c',
      '$b',
    ])
  })

  test('puts what rests on no power levels first of all', () => {
    expect(sort('$p3', { $a: { auth: ['$p1'] }, $b: { ts: 9 } })).toEqual(['$b', '$a'])
  })

  test('orders by timestamp, then ID, at the same place', () => {
    expect(sort('$p3', { $c: { auth: ['$p2'], ts: 2 }, $b: { auth: ['$p2'], ts: 1 }, $a: { auth: ['$p2'], ts: 2 } })).toEqual([
      '$b',
      '$a',
      '$c',
    ])
  })

  test('orders by timestamp alone where there are no resolved power levels', () => {
    expect(sort(undefined, { $b: { auth: ['$p1'], ts: 2 }, $a: { auth: ['$p3'], ts: 3 }, $c: { ts: 1 } })).toEqual(['$c', '$b', '$a'])
  })

  test('ends on cycles of power levels', () => {
    const cyclic = { $x: levels('$y'), $y: levels('$x'), $a: { auth: ['$x'], ts: 1 }, $b: { auth: ['$p1'], ts: 0 } }
    expect(sort('$p1', cyclic).slice(-1)).toEqual(['$b'])
    expect(sort('$x', cyclic)).toHaveLength(4)
  })
})
