import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { evaluatePushRules } from '../../../../src/matrix/push-rules/evaluate.ts'
import {
  changePushRule,
  EMPTY_PUSH_SETTINGS,
  type PushSettings,
  putPushRule,
  rulesetOf,
} from '../../../../src/matrix/push-rules/settings.ts'

const USERS = ['@a:x', '@b:x', '@c:x', '@d:x']

/** What each of the users has set: nothing, a default rule changed, one switched off, one of their own. */
const SETTINGS: readonly PushSettings[] = [
  EMPTY_PUSH_SETTINGS,
  changePushRule(EMPTY_PUSH_SETTINGS, 'underride', '.m.rule.message', { actions: [] }),
  changePushRule(EMPTY_PUSH_SETTINGS, 'override', '.m.rule.suppress_notices', { enabled: false }),
  putPushRule(EMPTY_PUSH_SETTINGS, 'content', { rule_id: 'cake', default: false, enabled: true, actions: ['notify'], pattern: 'cake' }),
]

const CONTENTS: readonly (readonly [string, JsonObject, string?])[] = [
  ['m.room.message', { msgtype: 'm.text', body: 'hello' }],
  ['m.room.message', { msgtype: 'm.notice', body: 'cake' }],
  ['m.room.message', { msgtype: 'm.text', body: 'you', 'm.mentions': { user_ids: ['@b:x'] } }],
  ['m.room.message', { msgtype: 'm.text', body: 'all', 'm.mentions': { room: true } }],
  ['m.room.encrypted', { ciphertext: '' }],
  ['m.room.member', { membership: 'invite' }, '@c:x'],
  ['m.room.tombstone', {}, ''],
  ['m.reaction', {}],
  ['org.matrix.msc3381.poll.start', {}],
]

describe('rules that say the same for everybody', () => {
  it('say the same whether they are asked once for all or once for each', () => {
    for (const memberCount of [2, 5]) {
      for (const [type, content, stateKey] of CONTENTS) {
        const event = { type, content, sender: '@s:x', room_id: '!r:x', ...(stateKey === undefined ? {} : { state_key: stateKey }) }
        const shared = new Map<object, boolean>()
        const powerLevels = { userLevel: () => 50, notifications: () => 50 }
        for (const [index, userId] of USERS.entries()) {
          const ruleset = rulesetOf(SETTINGS[index] ?? EMPTY_PUSH_SETTINGS, userId)
          const alone = evaluatePushRules(ruleset, event, { userId, memberCount, powerLevels })
          expect(evaluatePushRules(ruleset, event, { userId, memberCount, powerLevels, shared })).toEqual(alone)
        }
        // Nothing of any user is kept.
        expect(shared.size).toBeLessThanOrEqual(18)
      }
    }
  })
})
