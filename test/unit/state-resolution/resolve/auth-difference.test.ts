import { describe, expect, test } from 'vitest'
import { AuthDifference, NO_PROGRESS } from '../../../../src/state-resolution/resolve/auth-difference.ts'
import { AuthGraph } from '../../../../src/state-resolution/resolve/auth-graph.ts'
import { splitConflicted } from '../../../../src/state-resolution/resolve/split-conflicted.ts'
import { chainsOf, sliceOver, type TinyEvent, tinyEvents } from '../../../support/tiny-events.ts'

const NO_GRAPH = { ids: [], edges: [] }

/** The auth difference of states, given as key → event ID. */
function difference(events: Record<string, TinyEvent>, ...states: Record<string, string>[]): string[] {
  const graph = new AuthGraph(NO_GRAPH, undefined)
  const split = splitConflicted(states.map((state) => new Map(Object.entries(state))))
  const slice = sliceOver(tinyEvents(events))
  const chains = chainsOf(graph, split.conflicted, slice)
  const work = new AuthDifference(NO_PROGRESS, graph, chains, { unconflicted: split.unconflicted, conflicted: split.conflictedOf })
  expect(work.advance(slice)).toBe(true)
  return work
    .difference()
    .map((number) => graph.id(number))
    .sort()
}

describe('the auth difference', () => {
  const chain = { $1: {}, $2: { auth: ['$1'] }, $3: { auth: ['$2'] }, $4: { auth: ['$3'] }, $other: { auth: ['$1'] } }

  test('is what some chains have and others lack', () => {
    expect(difference(chain, { a: '$4' }, { a: '$other' })).toEqual(['$2', '$3', '$4', '$other'])
  })

  test('has nothing that is behind every state', () => {
    expect(difference(chain, { a: '$4' }, { a: '$3' })).toEqual(['$4'])
  })

  test('has nothing that is behind an unconflicted event', () => {
    expect(difference(chain, { a: '$4', b: '$3' }, { a: '$other', b: '$3' })).toEqual(['$4', '$other'])
  })

  test('does not have an unconflicted event that only one conflicted event cites', () => {
    expect(difference({ ...chain, $new: { auth: ['$3'] } }, { a: '$new', b: '$3' }, { a: '$1', b: '$3' })).toEqual(['$new'])
  })

  test('counts a state without the key as having no chain for it', () => {
    expect(difference(chain, { a: '$2' }, {})).toEqual(['$1', '$2'])
  })

  test('is found among any number of states', () => {
    const states = Array.from({ length: 100 }, (_, place): Record<string, string> => ({ a: place === 64 ? '$other' : '$4' }))
    expect(difference(chain, ...states)).toEqual(['$2', '$3', '$4', '$other'])
  })

  test('follows cycles round', () => {
    const ring = {
      $1: { auth: ['$2'] },
      $2: { auth: ['$3'] },
      $3: { auth: ['$1', '$end'] },
      $end: {},
      $a: { auth: ['$1'] },
      $b: { auth: ['$3'] },
    }
    expect(difference(ring, { a: '$a' }, { a: '$b' })).toEqual(['$a', '$b'])
    expect(difference(ring, { a: '$a' }, { a: '$end' })).toEqual(['$1', '$2', '$3', '$a'])
  })

  test('ends on cycles and on events that cite themselves', () => {
    const cyclic = { $1: { auth: ['$2'] }, $2: { auth: ['$1', '$2'] }, $3: { auth: ['$1'] }, $4: {} }
    expect(difference(cyclic, { a: '$3' }, { a: '$4' })).toEqual(['$1', '$2', '$3', '$4'])
  })

  test('includes events that nobody knows, without what is behind them', () => {
    expect(difference({ $1: { auth: ['$gone'] } }, { a: '$1' }, {})).toEqual(['$1', '$gone'])
  })
})
