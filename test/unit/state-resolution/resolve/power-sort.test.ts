import { describe, expect, test } from 'vitest'
import { AuthGraph } from '../../../../src/state-resolution/resolve/auth-graph.ts'
import { isPowerEvent, NO_PROGRESS as NO_SELECTION, PowerSelection } from '../../../../src/state-resolution/resolve/power-events.ts'
import { NO_PROGRESS, PowerSort } from '../../../../src/state-resolution/resolve/power-sort.ts'
import { sliceOver, type TinyEvent, tinyEvents } from '../../../support/tiny-events.ts'

const LEVELS: TinyEvent = { type: 'm.room.power_levels', content: { users: { '@high:x.test': 100, '@low:x.test': 10 } } }

function graphOf(events: Record<string, TinyEvent>) {
  const graph = new AuthGraph({ ids: [], edges: [] }, undefined)
  const slice = sliceOver(tinyEvents(events))
  const numbers = Object.keys(events).map((id) => graph.number(id))
  graph.load(numbers, slice.reader)
  return { graph, numbers, slice }
}

function sort(events: Record<string, TinyEvent>): string[] {
  const { graph, numbers, slice } = graphOf({ ...events, $levels: LEVELS })
  const work = new PowerSort(NO_PROGRESS, graph, numbers.slice(0, -1))
  expect(work.advance(slice)).toBe(true)
  return work.sorted().map((number) => graph.id(number))
}

describe('reverse topological power ordering (rooms/v2#definitions)', () => {
  test('puts an event after those that it cites, whatever the rest says', () => {
    expect(sort({ $b: { sender: '@high:x.test', ts: 1, auth: ['$levels', '$a'] }, $a: { ts: 9, auth: ['$levels'] } })).toEqual(['$a', '$b'])
  })

  test('puts the more powerful sender first', () => {
    const auth = ['$levels']
    const events = { $a: { sender: '@low:x.test', ts: 1, auth }, $b: { sender: '@high:x.test', ts: 9, auth }, $c: { ts: 0, auth } }
    expect(sort(events)).toEqual(['$b', '$a', '$c'])
  })

  test('takes the sender’s power from the event’s own auth events', () => {
    const events = { $a: { sender: '@high:x.test', ts: 5 }, $b: { sender: '@low:x.test', ts: 9, auth: ['$levels'] } }
    expect(sort(events)).toEqual(['$b', '$a'])
  })

  test('puts the earlier timestamp first among equals, then the lesser ID', () => {
    expect(sort({ $c: { ts: 2 }, $b: { ts: 1 }, $a: { ts: 2 } })).toEqual(['$b', '$a', '$c'])
  })

  test('compares IDs by code point, not by UTF-16 unit', () => {
    expect(sort({ '$😀': {}, '$\uffee': {} })).toEqual(['$\uffee', '$😀'])
  })

  test('leaves out what a cycle keeps from being sorted', () => {
    expect(sort({ $a: { auth: ['$b'] }, $b: { auth: ['$a'] }, $c: {}, $d: { auth: ['$d'] } })).toEqual(['$c'])
  })

  test('sorts thousands', () => {
    const names = Array.from({ length: 5000 }, (_, place) => `$${String((place * 7919) % 5000).padStart(4, '0')}`)
    expect(sort(Object.fromEntries(names.map((name) => [name, {}])))).toEqual([...names].sort())
  })
})

describe('power events', () => {
  const member = (membership: string, stateKey: string): TinyEvent => ({ type: 'm.room.member', stateKey, content: { membership } })

  test.each([
    ['power levels', { type: 'm.room.power_levels' }, true],
    ['join rules', { type: 'm.room.join_rules' }, true],
    ['a create event', { type: 'm.room.create' }, true],
    ['a ban', member('ban', '@b:x.test'), true],
    ['a kick', member('leave', '@b:x.test'), true],
    ['leaving', member('leave', '@a:x.test'), false],
    ['a join', member('join', '@a:x.test'), false],
    ['an invitation', member('invite', '@b:x.test'), false],
    ['power levels under another state key', { type: 'm.room.power_levels', stateKey: 'x' }, false],
    ['a topic', { type: 'm.room.topic' }, false],
  ] as const)('%s: %s', (_, event, expected) => {
    const built = tinyEvents({ $e: event }).get('$e')
    expect(built && isPowerEvent(built)).toBe(expected)
  })

  test('bring the conflicted events that authorize them, directly or through others', () => {
    const { graph, numbers, slice } = graphOf({
      $ban: { ...member('ban', '@b:x.test'), auth: ['$invite', '$outside'] },
      $invite: { ...member('invite', '@a:x.test'), auth: ['$topic'] },
      $topic: { type: 'm.room.topic' },
      $name: { type: 'm.room.name', auth: ['$topic'] },
    })
    const work = new PowerSelection(NO_SELECTION, graph, [...numbers, graph.number('$unknown')])
    expect(work.advance(slice)).toBe(true)
    const { selected, others } = work.selection()
    expect(selected.map((number) => graph.id(number)).sort()).toEqual(['$ban', '$invite', '$topic'])
    expect(others).toEqual(['$name'])
  })
})
