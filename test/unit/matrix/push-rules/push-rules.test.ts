import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { PowerLevels } from '../../../../src/matrix/power-levels.ts'
import { compileCondition, compileEventMatch, type PushContext } from '../../../../src/matrix/push-rules/conditions.ts'
import { defaultPushRules } from '../../../../src/matrix/push-rules/default-rules.ts'
import { evaluatePushRules } from '../../../../src/matrix/push-rules/evaluate.ts'
import type { PushCondition, PushRule, PushRuleset } from '../../../../src/matrix/push-rules/ruleset.ts'
import { findRoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { readVectors } from '../vectors.ts'

const ME = '@me:one.test'
const rules = findRoomVersionRules('11')
if (rules === undefined) throw new Error('no version 11')
const powerLevels = new PowerLevels({ sender: '@creator:one.test', content: {} }, { users: { '@admin:one.test': 50 } }, rules)
const context: PushContext = { userId: ME, displayName: 'Me Myself', memberCount: 3, powerLevels }

const event = (changes: JsonObject = {}): JsonObject => ({
  type: 'm.room.message',
  sender: '@you:one.test',
  room_id: '!room:one.test',
  event_id: '$e',
  content: { body: 'hello', msgtype: 'm.text' },
  ...changes,
})
const message = (content: JsonObject, changes: JsonObject = {}): JsonObject =>
  event({ content: { msgtype: 'm.text', body: '', ...content }, ...changes })
const rule = (ruleId: string, changes: Partial<PushRule> = {}): PushRule => ({
  rule_id: ruleId,
  default: false,
  enabled: true,
  actions: ['notify'],
  ...changes,
})
const ruleset = (changes: Partial<PushRuleset>): PushRuleset => ({
  override: [],
  content: [],
  room: [],
  sender: [],
  underride: [],
  ...changes,
})

test('the default rules are those of the specification, in its order, beside those for polls', () => {
  const vectors = readVectors<{ override: JsonObject[]; underride: JsonObject[] }>('push-rules/default-rules.json')
  const expected = JSON.parse(JSON.stringify(vectors).replaceAll("[the user's Matrix ID]", ME))
  const defaults = defaultPushRules(ME)
  const specified = (rules: readonly PushRule[]) => rules.filter(({ rule_id }) => !rule_id.startsWith('.org.matrix.msc3930.'))
  expect(specified(defaults.override)).toEqual(expected.override)
  expect(specified(defaults.underride)).toEqual(expected.underride)
  expect([defaults.content, defaults.room, defaults.sender]).toEqual([[], [], []])
})

describe('the default rules', () => {
  const POLL = 'org.matrix.msc3381.poll'
  const defaults = defaultPushRules(ME)
  const sound = { set_tweak: 'sound', value: 'default' }
  const highlight = { set_tweak: 'highlight' }

  test.each<[string, JsonObject, Partial<PushContext>, string | undefined, readonly unknown[]]>([
    ['messages', event(), {}, '.m.rule.message', ['notify']],
    ['messages between two', event(), { memberCount: 2 }, '.m.rule.room_one_to_one', ['notify', sound]],
    ['encrypted events', event({ type: 'm.room.encrypted' }), {}, '.m.rule.encrypted', ['notify']],
    ['polls', event({ type: `${POLL}.start` }), {}, '.org.matrix.msc3930.rule.poll_start', ['notify']],
    [
      'polls between two',
      event({ type: `${POLL}.start` }),
      { memberCount: 2 },
      '.org.matrix.msc3930.rule.poll_start_one_to_one',
      ['notify', sound],
    ],
    ['ends of polls', event({ type: `${POLL}.end` }), {}, '.org.matrix.msc3930.rule.poll_end', ['notify']],
    [
      'ends of polls between two',
      event({ type: `${POLL}.end` }),
      { memberCount: 2 },
      '.org.matrix.msc3930.rule.poll_end_one_to_one',
      ['notify', sound],
    ],
    ['answers to polls', event({ type: `${POLL}.response` }), { memberCount: 2 }, '.org.matrix.msc3930.rule.poll_response', []],
    [
      'encrypted events between two',
      event({ type: 'm.room.encrypted' }),
      { memberCount: 2 },
      '.m.rule.encrypted_room_one_to_one',
      ['notify', sound],
    ],
    ['calls', event({ type: 'm.call.invite' }), {}, '.m.rule.call', ['notify', { set_tweak: 'sound', value: 'ring' }]],
    ['notices', message({ msgtype: 'm.notice' }), {}, '.m.rule.suppress_notices', []],
    [
      'invites',
      event({ type: 'm.room.member', state_key: ME, content: { membership: 'invite' } }),
      {},
      '.m.rule.invite_for_me',
      ['notify', sound],
    ],
    ['others’ joins', event({ type: 'm.room.member', state_key: '@x:y', content: { membership: 'join' } }), {}, '.m.rule.member_event', []],
    ['mentions', message({ 'm.mentions': { user_ids: ['@x:y', ME] } }), {}, '.m.rule.is_user_mention', ['notify', sound, highlight]],
    ['mentions of others', message({ 'm.mentions': { user_ids: ['@x:y'] } }), {}, '.m.rule.message', ['notify']],
    [
      '@room by an admin',
      message({ 'm.mentions': { room: true } }, { sender: '@admin:one.test' }),
      {},
      '.m.rule.is_room_mention',
      ['notify', highlight],
    ],
    ['@room by anybody', message({ 'm.mentions': { room: true } }), {}, '.m.rule.message', ['notify']],
    ['@room without power levels', message({ 'm.mentions': { room: true } }), { powerLevels: undefined }, '.m.rule.message', ['notify']],
    ['upgrades', event({ type: 'm.room.tombstone', state_key: '', content: {} }), {}, '.m.rule.tombstone', ['notify', highlight]],
    ['fake upgrades', event({ type: 'm.room.tombstone', content: {} }), {}, undefined, []],
    ['reactions', event({ type: 'm.reaction', content: {} }), {}, '.m.rule.reaction', []],
    ['server ACLs', event({ type: 'm.room.server_acl', state_key: '', content: {} }), {}, '.m.rule.room.server_acl', []],
    ['edits', message({ 'm.relates_to': { rel_type: 'm.replace' } }), {}, '.m.rule.suppress_edits', []],
    ['unknown events', event({ type: 'org.example' }), {}, undefined, []],
    ['own messages', event({ sender: ME }), {}, undefined, []],
  ])('decide about %s', (_what, given, changes, ruleId, actions) => {
    const verdict = evaluatePushRules(defaults, given, { ...context, ...changes })
    expect(verdict).toEqual({ ruleId, actions, notify: actions.includes('notify'), highlight: actions.includes(highlight) })
  })

  test('are silenced by the master rule', () => {
    const muted = {
      ...defaults,
      override: defaults.override.map((entry) => (entry.rule_id === '.m.rule.master' ? { ...entry, enabled: true } : entry)),
    }
    expect(evaluatePushRules(muted, event(), context)).toMatchObject({ notify: false, ruleId: '.m.rule.master' })
  })
})

describe('rules', () => {
  test('are tried by kind, then in order, enabled ones only', () => {
    const all = ruleset({
      override: [rule('o', { enabled: false })],
      content: [rule('c', { pattern: 'cake' }), rule('c2', { pattern: 'hello' })],
      room: [rule('!room:one.test')],
      sender: [rule('@you:one.test')],
      underride: [rule('u')],
    })
    const winner = (changes: JsonObject): string | undefined => evaluatePushRules(all, event(changes), context).ruleId
    expect(winner({})).toBe('c2')
    expect(winner({ content: { body: 'hello cake' } })).toBe('c')
    expect(winner({ content: {} })).toBe('!room:one.test')
    expect(winner({ content: {}, room_id: '!other:one.test' })).toBe('@you:one.test')
    expect(winner({ content: {}, room_id: '!other:one.test', sender: '@x:y' })).toBe('u')
  })

  test('ignore historical actions', () => {
    const old = ruleset({ override: [rule('old', { actions: ['dont_notify', 'coalesce'] })] })
    expect(evaluatePushRules(old, event(), context)).toEqual({ notify: false, highlight: false, actions: [], ruleId: 'old' })
  })

  test.each([
    [{ set_tweak: 'highlight' }, true],
    [{ set_tweak: 'highlight', value: true }, true],
    [{ set_tweak: 'highlight', value: false }, false],
    [{ set_tweak: 'sound', value: 'x' }, false],
  ])('highlight with %j: %s', (action, highlight) => {
    expect(evaluatePushRules(ruleset({ override: [rule('r', { actions: ['notify', action] })] }), event(), context).highlight).toBe(
      highlight,
    )
    expect(evaluatePushRules(ruleset({ override: [rule('r', { actions: [action] })] }), event(), context).highlight).toBe(false)
  })

  test('with too many conditions never match', () => {
    const conditions = Array<PushCondition>(65).fill({ kind: 'event_match', key: 'type', pattern: '*' })
    expect(evaluatePushRules(ruleset({ override: [rule('r', { conditions })] }), event(), context).ruleId).toBeUndefined()
  })
})

describe('conditions', () => {
  const holds = (condition: PushCondition, given: JsonObject = event(), changes: Partial<PushContext> = {}): boolean =>
    compileCondition(condition)(given, { ...context, ...changes })

  test('event_match agrees with Synapse', () => {
    const { cases } = readVectors<{ cases: { key: string; pattern: string; value: string; matches: boolean }[] }>(
      'push-rules/event-match.json',
    )
    for (const { key, pattern, value, matches } of cases) {
      const [, name = ''] = key.split('.')
      expect({ key, pattern, value, matches: compileEventMatch(key, pattern)({ content: { [name]: value } }, context) }).toEqual({
        key,
        pattern,
        value,
        matches,
      })
    }
  })

  test.each<[PushCondition, boolean]>([
    [{ kind: 'event_match', key: 'content.msgtype', pattern: 'M.TEXT' }, true],
    [{ kind: 'event_match', key: 'content.missing', pattern: '*' }, false],
    [{ kind: 'event_match', key: 'content', pattern: '*' }, false],
    [{ kind: 'event_match', key: 'content.n', pattern: '*' }, false],
    [{ kind: 'event_match', key: 'content.constructor.name', pattern: '*' }, false],
    [{ kind: 'event_match', key: 'content.a\\.b', pattern: 'dotted' }, true],
    [{ kind: 'event_match', key: 'type' }, false],
    [{ kind: 'event_match', pattern: '*' }, false],
    [{ kind: 'event_property_is', key: 'content.n', value: 1 }, true],
    [{ kind: 'event_property_is', key: 'content.n', value: '1' }, false],
    [{ kind: 'event_property_is', key: 'content.n', value: true }, false],
    [{ kind: 'event_property_is', key: 'content.nothing', value: null }, true],
    [{ kind: 'event_property_is', key: 'content.missing', value: null }, false],
    [{ kind: 'event_property_is', key: 'content.list', value: ['x'] }, false],
    [{ kind: 'event_property_is', key: 'content.half', value: 0.5 }, false],
    [{ kind: 'event_property_is', key: 'content.n' }, false],
    [{ kind: 'event_property_contains', key: 'content.list', value: 'x' }, true],
    [{ kind: 'event_property_contains', key: 'content.list', value: 1 }, true],
    [{ kind: 'event_property_contains', key: 'content.list', value: '1' }, false],
    [{ kind: 'event_property_contains', key: 'content.msgtype', value: 'm.text' }, false],
    [{ kind: 'event_property_contains', key: 'content.missing', value: 'x' }, false],
    [{ kind: 'room_member_count', is: '3' }, true],
    [{ kind: 'room_member_count', is: '==3' }, true],
    [{ kind: 'room_member_count', is: '<3' }, false],
    [{ kind: 'room_member_count', is: '<=3' }, true],
    [{ kind: 'room_member_count', is: '>2' }, true],
    [{ kind: 'room_member_count', is: '>=4' }, false],
    [{ kind: 'room_member_count', is: '=3' }, false],
    [{ kind: 'room_member_count', is: 3 }, false],
    [{ kind: 'room_member_count', is: '3.0' }, false],
    [{ kind: 'sender_notification_permission', key: 'room' }, false],
    [{ kind: 'sender_notification_permission' }, false],
    [{ kind: 'org.example.future' }, false],
    [{ kind: 'constructor' }, false],
  ])('%j: %s', (condition, expected) => {
    const content = { msgtype: 'm.text', n: 1, nothing: null, list: ['x', 1, {}], half: 0.5, 'a.b': 'dotted' }
    expect(holds(condition, event({ content }))).toBe(expected)
  })

  test('contains_display_name looks for the name as whole words, without wildcards', () => {
    const condition = { kind: 'contains_display_name' }
    expect(holds(condition, message({ body: 'hey me MYSELF!' }))).toBe(true)
    expect(holds(condition, message({ body: 'awesome myself' }))).toBe(false)
    expect(holds(condition, message({ body: 'anything' }), { displayName: '*' })).toBe(false)
    expect(holds(condition, message({ body: '' }), { displayName: '' })).toBe(false)
    expect(holds(condition, message({ body: 1 }))).toBe(false)
    expect(holds(condition, message({ body: 'Me' }), { displayName: undefined })).toBe(false)
  })
})
