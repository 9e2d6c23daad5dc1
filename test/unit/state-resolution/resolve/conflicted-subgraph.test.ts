import { describe, expect, test } from 'vitest'
import { AuthGraph } from '../../../../src/state-resolution/resolve/auth-graph.ts'
import { ConflictedSubgraph, NO_PROGRESS } from '../../../../src/state-resolution/resolve/conflicted-subgraph.ts'
import { chainsOf, sliceOver, type TinyEvent, tinyEvents } from '../../../support/tiny-events.ts'

function subgraph(events: Record<string, TinyEvent>, ...conflicted: string[]): string[] {
  const graph = new AuthGraph({ ids: [], edges: [] }, undefined)
  const numbers = conflicted.map((id) => graph.number(id))
  const slice = sliceOver(tinyEvents(events))
  const work = new ConflictedSubgraph(NO_PROGRESS, graph, chainsOf(graph, conflicted, slice), numbers)
  expect(work.advance(slice)).toBe(true)
  return work
    .subgraph()
    .map((number) => graph.id(number))
    .sort()
}

describe('the conflicted state subgraph (rooms/v12#definitions)', () => {
  const chain = { $1: {}, $2: { auth: ['$1'] }, $3: { auth: ['$2'] }, $4: { auth: ['$3'] }, $5: { auth: ['$4'] } }

  test('has what lies between two conflicted events, and the two', () => {
    expect(subgraph(chain, '$4', '$2')).toEqual(['$2', '$3', '$4'])
  })

  test('has nothing before the oldest and after the newest', () => {
    expect(subgraph(chain, '$3', '$2')).toEqual(['$2', '$3'])
  })

  test('has every path between two conflicted events, but no dead end', () => {
    const diamond = { $1: {}, $left: { auth: ['$1'] }, $right: { auth: ['$1'] }, $dead: {}, $top: { auth: ['$left', '$dead', '$right'] } }
    expect(subgraph(diamond, '$top', '$1')).toEqual(['$1', '$left', '$right', '$top'])
  })

  test('finds a path that a walk from elsewhere has already entered', () => {
    const shared = { $old: {}, $mid: { auth: ['$old'] }, $a: { auth: ['$mid'] }, $b: { auth: ['$mid'] } }
    expect(subgraph(shared, '$a', '$b', '$old')).toEqual(['$a', '$b', '$mid', '$old'])
  })

  test('ends on cycles', () => {
    expect(subgraph({ $1: { auth: ['$2'] }, $2: { auth: ['$1'] } }, '$1')).toContain('$1')
  })
})
