import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MatrixError } from '../../../src/matrix/errors.ts'
import { compileEventFields } from '../../../src/matrix/event-fields.ts'
import {
  DEFAULT_FILTER_LIMIT,
  EMPTY_SYNC_FILTER,
  MAX_FILTER_ENTRIES,
  MAX_FILTER_LIMIT,
  MAX_RELATED_ENTRIES,
  matchesEventFilter,
  matchesRoom,
  parseRoomEventFilter,
  parseSyncFilter,
} from '../../../src/matrix/filters.ts'
import type { JsonValue } from '../../../src/matrix/json.ts'
import { parsePropertyPath, valueAt } from '../../../src/matrix/property-path.ts'
import { jsonValue } from './arbitraries.ts'
import { readVectors } from './vectors.ts'

interface FilterVectors {
  readonly example: JsonValue
  readonly refused: readonly JsonValue[]
  readonly matching: readonly {
    readonly filter: JsonValue
    readonly event: { readonly type: string; readonly sender?: string; readonly roomId?: string; readonly hasUrl?: boolean }
    readonly matches: boolean
  }[]
}
const vectors = readVectors<FilterVectors>('filters/filters.json')

describe('filters (client-server-api#filtering)', () => {
  test('read the example of the specification', () => {
    const filter = parseSyncFilter(vectors.example)
    expect(filter).toMatchObject({
      eventFields: ['type', 'content', 'sender'],
      eventFormat: 'client',
      presence: { types: ['m.presence'], notSenders: ['@alice:example.com'] },
      room: {
        includeLeave: false,
        state: { types: ['m.room.*'], notRooms: ['!726s6s6q:example.com'], senders: undefined },
        timeline: { limit: 10, notSenders: ['@spam:example.com'] },
      },
    })
  })

  test('restrict nothing when empty', () => {
    expect(EMPTY_SYNC_FILTER.room.timeline).toEqual({
      limit: DEFAULT_FILTER_LIMIT,
      types: undefined,
      notTypes: [],
      senders: undefined,
      notSenders: [],
      rooms: undefined,
      notRooms: [],
      containsUrl: undefined,
      lazyLoadMembers: false,
      includeRedundantMembers: false,
      unreadThreadNotifications: false,
      relatedByRelTypes: undefined,
      relTypes: undefined,
      notRelTypes: undefined,
      relatedBySenders: undefined,
    })
    expect(matchesEventFilter(EMPTY_SYNC_FILTER.room.timeline, { type: 'x', sender: '@a:b', roomId: '!r:b' })).toBe(true)
    expect(matchesRoom(EMPTY_SYNC_FILTER.room, '!r:b')).toBe(true)
  })

  test('read every key', () => {
    const filter = parseSyncFilter({
      event_format: 'federation',
      room: {
        include_leave: true,
        rooms: ['!a:b'],
        not_rooms: ['!c:d'],
        timeline: { lazy_load_members: true, include_redundant_members: true, unread_thread_notifications: true, contains_url: false },
      },
    })
    expect(filter).toMatchObject({
      eventFormat: 'federation',
      room: {
        includeLeave: true,
        rooms: ['!a:b'],
        timeline: { lazyLoadMembers: true, includeRedundantMembers: true, unreadThreadNotifications: true, containsUrl: false },
      },
    })
    expect(['!a:b', '!c:d', '!e:f'].map((room) => matchesRoom(filter.room, room))).toEqual([true, false, false])
  })

  test('ignore unknown keys and count null as absent', () => {
    expect(parseSyncFilter({ room: { timeline: { future: {}, types: null, limit: null } }, __other: [] })).toEqual(EMPTY_SYNC_FILTER)
  })

  test('refuse more about related events than can be looked up for each event', () => {
    const list = (length: number): JsonValue => ({ room: { timeline: { related_by_rel_types: Array.from({ length }, () => 'm.thread') } } })
    expect(parseSyncFilter(list(MAX_RELATED_ENTRIES)).room.timeline.relatedByRelTypes).toHaveLength(MAX_RELATED_ENTRIES)
    expect(() => parseSyncFilter(list(MAX_RELATED_ENTRIES + 1))).toThrowError(
      expect.objectContaining({ status: 400, errcode: 'M_BAD_JSON' }),
    )
  })

  test.each(vectors.refused)('refuse %j with M_BAD_JSON', (filter) => {
    expect(() => parseSyncFilter(filter)).toThrowError(expect.objectContaining({ status: 400, errcode: 'M_BAD_JSON' }))
  })

  test('bound limits and lists', () => {
    expect(parseRoomEventFilter({ limit: 10_000_000 }).limit).toBe(MAX_FILTER_LIMIT)
    expect(parseRoomEventFilter({ limit: 0 }).limit).toBe(0)
    expect(() => parseRoomEventFilter({ types: Array(MAX_FILTER_ENTRIES + 1).fill('x') })).toThrow(MatrixError)
  })

  test.each(vectors.matching)('let through as they should: $filter $event', ({ filter, event, matches }) => {
    expect(matchesEventFilter(parseRoomEventFilter(filter), event)).toBe(matches)
  })

  test('survive being sent to another object', () => {
    const filter = parseSyncFilter(vectors.example)
    expect(structuredClone(filter)).toEqual(filter)
  })

  test('refuse with their own error only, whatever they are given', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('room', 'presence', 'event_fields', 'event_format', 'account_data'), jsonValue), (json) => {
        try {
          parseSyncFilter(json)
        } catch (error) {
          expect(error).toBeInstanceOf(MatrixError)
        }
      }),
    )
  })
})

describe('event fields', () => {
  const event = JSON.parse('{"type":"t","content":{"a.b":1,"c":{"d":2,"e":3},"__proto__":{"x":4}},"sender":"@a:b"}')

  test.each<[string[], string]>([
    [['type'], '{"type":"t"}'],
    [['content.a\\.b'], '{"content":{"a.b":1}}'],
    [['content.c.d', 'sender'], '{"content":{"c":{"d":2}},"sender":"@a:b"}'],
    [['content.c', 'content.c.d'], '{"content":{"c":{"d":2,"e":3}}}'],
    [['content.c.d', 'content.c'], '{"content":{"c":{"d":2,"e":3}}}'],
    [['content.__proto__.x'], '{"content":{"__proto__":{"x":4}}}'],
    [['content.missing', 'type.deeper', 'toString'], '{"content":{}}'],
    [[], '{}'],
  ])('%j keep %s', (fields, expected) => {
    expect(JSON.stringify(compileEventFields(fields)(event))).toBe(expected)
  })
})

describe('property paths (appendices#dot-separated-property-paths)', () => {
  test.each([
    ['content.body', ['content', 'body']],
    ['content.m\\.relates_to', ['content', 'm.relates_to']],
    ['content.m\\\\foo', ['content', 'm\\foo']],
    ['a\\x', ['a\\x']],
    ['', ['']],
    ['a..b', ['a', '', 'b']],
    ['a\\', ['a\\']],
  ])('%j names %j', (path, names) => {
    expect(parsePropertyPath(path)).toEqual(names)
  })

  test('lead to own properties only, and nowhere when absurdly long', () => {
    expect(valueAt({ a: { b: 1 } }, ['a', 'b'])).toBe(1)
    expect(valueAt({ a: 'text' }, ['a', 'length'])).toBeUndefined()
    expect(valueAt({}, ['constructor'])).toBeUndefined()
    expect(valueAt({ a: 1 }, Array(1000).fill('a'))).toBeUndefined()
  })
})
