import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/matrix/json.ts'
import { isValidReplacement, type ReplaceableEvent, relationOf, replyTargetOf, threadRootOf } from '../../../src/matrix/relations.ts'

const relating = (relation: JsonObject): JsonObject => ({ body: 'x', 'm.relates_to': relation })

describe('relations (client-server-api#forming-relationships-between-events)', () => {
  test('are read from content', () => {
    expect(relationOf(relating({ rel_type: 'm.annotation', event_id: '$a', key: '👍' }))).toEqual({
      relType: 'm.annotation',
      eventId: '$a',
      key: '👍',
    })
    expect(relationOf(relating({ rel_type: 'm.thread', event_id: '$a', key: 1 }))).toEqual({
      relType: 'm.thread',
      eventId: '$a',
      key: undefined,
    })
  })

  test.each<JsonObject>([
    {},
    { 'm.relates_to': null },
    { 'm.relates_to': 'text' },
    { 'm.relates_to': [] },
    relating({}),
    relating({ rel_type: 'm.thread' }),
    relating({ event_id: '$a' }),
    relating({ rel_type: 1, event_id: '$a' }),
    relating({ rel_type: 'm.thread', event_id: {} }),
    relating({ rel_type: '', event_id: '$a' }),
    relating({ rel_type: 'm.thread', event_id: '' }),
  ])('are none in %j (E20)', (content) => {
    expect(relationOf(content)).toBeUndefined()
    expect(threadRootOf(content)).toBeUndefined()
    expect(replyTargetOf(content)).toBeUndefined()
  })

  test('name the root of a thread', () => {
    expect(threadRootOf(relating({ rel_type: 'm.thread', event_id: '$root' }))).toBe('$root')
    expect(threadRootOf(relating({ rel_type: 'm.reference', event_id: '$root' }))).toBeUndefined()
  })

  test('name what is replied to, unless it is a fallback for clients without threads', () => {
    const reply = { 'm.in_reply_to': { event_id: '$target' } }
    expect(replyTargetOf(relating(reply))).toBe('$target')
    expect(replyTargetOf(relating({ ...reply, rel_type: 'm.thread', event_id: '$root' }))).toBe('$target')
    expect(replyTargetOf(relating({ ...reply, rel_type: 'm.thread', event_id: '$root', is_falling_back: true }))).toBeUndefined()
    expect(replyTargetOf(relating({ 'm.in_reply_to': { event_id: 1 } }))).toBeUndefined()
  })
})

describe('replacements (client-server-api#validity-of-replacement-events)', () => {
  const original: ReplaceableEvent = {
    eventId: '$a',
    roomId: '!r:b',
    type: 'm.room.message',
    stateKey: undefined,
    sender: '@a:b',
    content: { body: 'teh' },
  }
  const edit: ReplaceableEvent = {
    ...original,
    eventId: '$b',
    content: { ...relating({ rel_type: 'm.replace', event_id: '$a' }), 'm.new_content': { body: 'the' } },
  }

  test('are valid when everything fits', () => {
    expect(isValidReplacement(original, edit)).toBe(true)
  })

  test.each<[string, Partial<ReplaceableEvent>, Partial<ReplaceableEvent>]>([
    ['another room', {}, { roomId: '!s:b' }],
    ['another sender', {}, { sender: '@c:b' }],
    ['another type', {}, { type: 'm.sticker' }],
    ['a state key', {}, { stateKey: '' }],
    ['a state event to replace', { stateKey: '' }, {}],
    ['an edit to replace', { content: relating({ rel_type: 'm.replace', event_id: '$z' }) }, {}],
    ['another target', { eventId: '$z' }, {}],
    ['no new content', {}, { content: relating({ rel_type: 'm.replace', event_id: '$a' }) }],
    ['new content of the wrong type', {}, { content: { ...edit.content, 'm.new_content': 'x' } }],
    ['another relation', {}, { content: { ...edit.content, 'm.relates_to': { rel_type: 'm.thread', event_id: '$a' } } }],
  ])('are invalid with %s', (_what, originalChanges, editChanges) => {
    expect(isValidReplacement({ ...original, ...originalChanges }, { ...edit, ...editChanges })).toBe(false)
  })

  test('of encrypted messages have their new content inside', () => {
    const content = relating({ rel_type: 'm.replace', event_id: '$a' })
    expect(isValidReplacement({ ...original, type: 'm.room.encrypted' }, { ...edit, type: 'm.room.encrypted', content })).toBe(true)
  })
})
