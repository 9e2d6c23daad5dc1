import { describe, expect, test } from 'vitest'
import type { JsonValue } from '../../../../src/matrix/json.ts'
import { parsePushActions, parsePushRule, parsePushRuleKind } from '../../../../src/matrix/push-rules/parse-rule.ts'
import { MAX_PUSH_RULES, type PushRuleKind } from '../../../../src/matrix/push-rules/ruleset.ts'
import {
  changePushRule,
  deletePushRule,
  EMPTY_PUSH_SETTINGS,
  type PushSettings,
  putPushRule,
  type RulePlacement,
  rulesetOf,
} from '../../../../src/matrix/push-rules/settings.ts'

const ME = '@me:one.test'
const refusal = (status: number, errcode: string) => expect.objectContaining({ status, errcode })

function put(settings: PushSettings, ruleId: string, placement?: RulePlacement, body: JsonValue = { actions: [] }): PushSettings {
  return putPushRule(settings, 'override', parsePushRule('override', ruleId, body), placement)
}
const idsOf = (settings: PushSettings): string[] => rulesetOf(settings, ME).override.map((rule) => rule.rule_id)

describe('a user’s push rules', () => {
  test('stand between the master rule and the defaults, the newest first', () => {
    const ids = idsOf(put(put(EMPTY_PUSH_SETTINGS, 'one'), 'two'))
    expect(ids.slice(0, 4)).toEqual(['.m.rule.master', 'two', 'one', '.m.rule.suppress_notices'])
  })

  test('go where the client says', () => {
    const settings = put(put(put(EMPTY_PUSH_SETTINGS, 'c'), 'b'), 'a')
    expect(idsOf(put(settings, 'x', { before: 'b' })).slice(1, 5)).toEqual(['a', 'x', 'b', 'c'])
    expect(idsOf(put(settings, 'x', { after: 'b' })).slice(1, 5)).toEqual(['a', 'b', 'x', 'c'])
    expect(idsOf(put(settings, 'x', { before: 'b', after: 'c' })).slice(1, 5)).toEqual(['a', 'x', 'b', 'c'])
    expect(idsOf(put(settings, 'c', { before: 'a' })).slice(1, 4)).toEqual(['c', 'a', 'b'])
  })

  test.each(['missing', '.m.rule.master', 'x'])('are not put relative to %s, which is none of the user’s others', (anchor) => {
    expect(() => put(put(EMPTY_PUSH_SETTINGS, 'a'), 'x', { before: anchor })).toThrowError(refusal(400, 'M_UNKNOWN'))
  })

  test('keep place and state when they are replaced', () => {
    const disabled = changePushRule(put(put(EMPTY_PUSH_SETTINGS, 'b'), 'a'), 'override', 'b', { enabled: false })
    const replaced = put(disabled, 'b', undefined, { actions: ['notify'] })
    expect(replaced.rules.override.map(({ rule_id, enabled, actions }) => [rule_id, enabled, actions])).toEqual([
      ['a', true, []],
      ['b', false, ['notify']],
    ])
  })

  test('can be removed, the defaults cannot', () => {
    const settings = put(EMPTY_PUSH_SETTINGS, 'a')
    expect(deletePushRule(settings, 'override', 'a')).toEqual(EMPTY_PUSH_SETTINGS)
    for (const ruleId of ['b', '.m.rule.master']) {
      expect(() => deletePushRule(settings, 'override', ruleId)).toThrowError(refusal(404, 'M_NOT_FOUND'))
    }
    expect(() => deletePushRule(settings, 'content', 'a')).toThrowError(refusal(404, 'M_NOT_FOUND'))
  })

  test('include changes to the defaults, which follow the defaults otherwise', () => {
    const quiet = changePushRule(EMPTY_PUSH_SETTINGS, 'underride', '.m.rule.message', { actions: [] })
    const off = changePushRule(quiet, 'underride', '.m.rule.message', { enabled: false })
    const rule = rulesetOf(off, ME).underride.find(({ rule_id }) => rule_id === '.m.rule.message')
    expect(rule).toMatchObject({ default: true, enabled: false, actions: [], conditions: [{ pattern: 'm.room.message' }] })
    expect(off.changes).toHaveLength(1)
    for (const [kind, ruleId] of [
      ['underride', 'nothing'],
      ['override', '.m.rule.message'],
    ] as const) {
      expect(() => changePushRule(off, kind, ruleId, { enabled: true })).toThrowError(refusal(404, 'M_NOT_FOUND'))
    }
  })

  test('are bounded in number', () => {
    let settings = EMPTY_PUSH_SETTINGS
    for (let index = 0; index < MAX_PUSH_RULES; index++) settings = put(settings, `r${index}`)
    expect(() => put(settings, 'one more')).toThrowError(refusal(400, 'M_BAD_JSON'))
    expect(put(settings, 'r0').rules.override).toHaveLength(MAX_PUSH_RULES)
  })

  test('are plain data', () => {
    const settings = changePushRule(put(EMPTY_PUSH_SETTINGS, 'a'), 'override', '.m.rule.master', { enabled: true })
    expect(JSON.parse(JSON.stringify(settings))).toEqual(settings)
  })
})

describe('a rule from a client', () => {
  test.each<[PushRuleKind, string, JsonValue, object]>([
    ['override', 'r', { actions: ['notify'] }, { conditions: [] }],
    ['underride', 'r', { actions: [], conditions: [{ kind: 'future', x: 1 }] }, { conditions: [{ kind: 'future', x: 1 }] }],
    ['content', 'r', { actions: [{ set_tweak: 'sound' }], pattern: 'a*' }, { pattern: 'a*' }],
    ['room', '!r:one.test', { actions: [], pattern: 'ignored' }, {}],
    ['sender', '@a:one.test', { actions: ['dont_notify'] }, {}],
  ])('of kind %s is read', (kind, ruleId, body, own) => {
    const { actions } = body as { actions: unknown }
    expect(parsePushRule(kind, ruleId, body)).toEqual({ rule_id: ruleId, default: false, enabled: true, actions, ...own })
  })

  test.each<[PushRuleKind, string]>([
    ['override', ''],
    ['override', '.mine'],
    ['override', 'a/b'],
    ['override', 'a\\b'],
    ['override', 'x'.repeat(256)],
    ['room', '#r:one.test'],
    ['sender', 'alice'],
  ])('of kind %s may not be called %j', (kind, ruleId) => {
    expect(() => parsePushRule(kind, ruleId, { actions: [] })).toThrowError(refusal(400, 'M_INVALID_PARAM'))
  })

  test.each<[PushRuleKind, JsonValue]>([
    ['override', []],
    ['override', {}],
    ['override', { actions: 'notify' }],
    ['override', { actions: ['explode'] }],
    ['override', { actions: [{ value: 1 }] }],
    ['override', { actions: [], conditions: {} }],
    ['override', { actions: [], conditions: [{}] }],
    ['override', { actions: [], conditions: Array(65).fill({ kind: 'x' }) }],
    ['content', { actions: [] }],
    ['content', { actions: [], pattern: 1 }],
  ])('of kind %s is refused when it is %j', (kind, body) => {
    expect(() => parsePushRule(kind, 'r', body)).toThrowError(refusal(400, 'M_BAD_JSON'))
  })

  test('has one of five kinds and a bounded list of actions', () => {
    expect(parsePushRuleKind('sender')).toBe('sender')
    expect(() => parsePushRuleKind('constructor')).toThrowError(refusal(400, 'M_INVALID_PARAM'))
    expect(() => parsePushActions(Array(33).fill('notify'))).toThrowError(refusal(400, 'M_BAD_JSON'))
  })
})
