import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { evaluatePushRules } from '../../../../src/matrix/push-rules/evaluate.ts'
import { parseAnyPushRuleKind, parsePushRuleKind } from '../../../../src/matrix/push-rules/parse-rule.ts'
import {
  changePushRule,
  EMPTY_PUSH_SETTINGS,
  type PushSettings,
  putPushRule,
  rulesetOf,
} from '../../../../src/matrix/push-rules/settings.ts'

const ME = '@me:one.test'
const SUBSCRIBED = '.io.element.msc4306.rule.subscribed_thread'
const UNSUBSCRIBED = '.io.element.msc4306.rule.unsubscribed_thread'

const message = (content: JsonObject = {}): JsonObject => ({
  type: 'm.room.message',
  sender: '@you:one.test',
  room_id: '!room:one.test',
  content: { msgtype: 'm.text', body: 'hello', ...content },
})

function ruleFor(event: JsonObject, subscribedToThread: boolean | undefined, settings: PushSettings = EMPTY_PUSH_SETTINGS, isOn = true) {
  const { ruleId, notify } = evaluatePushRules(rulesetOf(settings, ME, isOn), event, { userId: ME, memberCount: 3, subscribedToThread })
  return { ruleId, notify }
}

describe('push rules of thread subscriptions (MSC4306)', () => {
  test('notify of what is said in subscribed threads, and of nothing in others', () => {
    expect(ruleFor(message(), true)).toEqual({ ruleId: SUBSCRIBED, notify: true })
    expect(ruleFor(message(), false)).toEqual({ ruleId: UNSUBSCRIBED, notify: false })
    expect(ruleFor(message(), undefined)).toEqual({ ruleId: '.m.rule.message', notify: true })
  })

  test('come after mentions and keywords, and before rules for rooms', () => {
    expect(ruleFor(message({ 'm.mentions': { user_ids: [ME] } }), false)).toEqual({ ruleId: '.m.rule.is_user_mention', notify: true })
    const keyword = { rule_id: 'word', default: false, enabled: true, actions: ['notify'], pattern: 'hello' }
    expect(ruleFor(message(), false, putPushRule(EMPTY_PUSH_SETTINGS, 'content', keyword)).ruleId).toBe('word')
    const muted = { rule_id: '!room:one.test', default: false, enabled: true, actions: [] }
    expect(ruleFor(message(), true, putPushRule(EMPTY_PUSH_SETTINGS, 'room', muted)).ruleId).toBe(SUBSCRIBED)
  })

  test('are switched and given other actions like any default', () => {
    const off = changePushRule(EMPTY_PUSH_SETTINGS, 'postcontent', UNSUBSCRIBED, { enabled: false })
    expect(ruleFor(message(), false, off)).toEqual({ ruleId: '.m.rule.message', notify: true })
    expect(() => changePushRule(EMPTY_PUSH_SETTINGS, 'postcontent', 'mine', { enabled: false })).toThrowError(
      expect.objectContaining({ status: 404 }),
    )
  })

  test('are there only where the server has them, and never a client’s own', () => {
    expect(ruleFor(message(), false, EMPTY_PUSH_SETTINGS, false).ruleId).toBe('.m.rule.message')
    expect(rulesetOf(EMPTY_PUSH_SETTINGS, ME)).not.toHaveProperty('postcontent')
    expect(parseAnyPushRuleKind('postcontent', true)).toBe('postcontent')
    const refusal = expect.objectContaining({ status: 400, errcode: 'M_INVALID_PARAM' })
    expect(() => parseAnyPushRuleKind('postcontent', false)).toThrowError(refusal)
    expect(() => parsePushRuleKind('postcontent')).toThrowError(refusal)
  })
})
