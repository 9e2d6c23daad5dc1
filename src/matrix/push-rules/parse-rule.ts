import { badJson, invalidParam } from '../errors.ts'
import { isUserId } from '../ids/user-id.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { AnyPushRuleKind, PushAction, PushCondition, PushRule, PushRuleKind } from './ruleset.ts'
import { MAX_PUSH_ACTIONS, MAX_PUSH_CONDITIONS, MAX_RULE_ID_LENGTH, POSTCONTENT, PUSH_RULE_KINDS } from './ruleset.ts'

/**
 * The kind named in a request's path.
 * @throws MatrixError M_INVALID_PARAM for any other text.
 */
export function parsePushRuleKind(text: string): PushRuleKind {
  const kind = PUSH_RULE_KINDS.find((known) => known === text)
  if (kind === undefined) throw invalidParam('Unknown kind of push rule')
  return kind
}

/**
 * The kind of a rule that is looked at, switched or given other actions: also of those that only the server has, where it has them.
 * @throws MatrixError M_INVALID_PARAM for any other text.
 */
export function parseAnyPushRuleKind(text: string, withThreadSubscriptions: boolean): AnyPushRuleKind {
  return withThreadSubscriptions && text === POSTCONTENT ? POSTCONTENT : parsePushRuleKind(text)
}

/**
 * The rule that a client puts under `kind` and `ruleId` (client-server-api#put_matrixclientv3pushrulesglobalkindruleid), enabled.
 * @throws MatrixError M_INVALID_PARAM for an ID that the kind does not allow, M_BAD_JSON for a body of the wrong shape.
 */
export function parsePushRule(kind: PushRuleKind, ruleId: string, body: JsonValue): PushRule {
  checkRuleId(kind, ruleId)
  if (!isJsonObject(body)) throw badJson('The push rule is not an object')
  const rule = { rule_id: ruleId, default: false, enabled: true, actions: parsePushActions(body.actions) }
  switch (kind) {
    case 'content':
      return { ...rule, pattern: parsePattern(body.pattern) }
    case 'override':
    case 'underride':
      return { ...rule, conditions: parseConditions(body.conditions ?? []) }
    default:
      return rule
  }
}

/**
 * The actions of a rule.
 * @throws MatrixError M_BAD_JSON unless it is a short list of known actions and tweaks.
 */
export function parsePushActions(json: JsonValue | undefined): readonly PushAction[] {
  if (!Array.isArray(json) || json.length > MAX_PUSH_ACTIONS) throw badJson(`actions is not a list of at most ${MAX_PUSH_ACTIONS} entries`)
  return json.map((action: JsonValue) => {
    if (typeof action === 'string' && KNOWN_ACTIONS.includes(action)) return action
    if (isTweak(action)) return action
    throw badJson('actions has an entry that is not known')
  })
}

const KNOWN_ACTIONS: readonly string[] = ['notify', 'dont_notify', 'coalesce']

function isTweak(action: JsonValue): action is JsonObject & { readonly set_tweak: string } {
  return isJsonObject(action) && typeof action.set_tweak === 'string'
}

function checkRuleId(kind: PushRuleKind, ruleId: string): void {
  if (ruleId === '' || ruleId.length > MAX_RULE_ID_LENGTH) throw invalidParam(`The rule ID has not 1 to ${MAX_RULE_ID_LENGTH} characters`)
  if (ruleId.startsWith('.')) throw invalidParam('Rule IDs that start with a dot are reserved')
  if (/[/\\]/.test(ruleId)) throw invalidParam('The rule ID contains a slash or backslash')
  if (kind === 'room' && !ruleId.startsWith('!')) throw invalidParam('The rule ID is not a room ID')
  if (kind === 'sender' && !isUserId(ruleId)) throw invalidParam('The rule ID is not a user ID')
}

function parsePattern(json: JsonValue | undefined): string {
  if (typeof json !== 'string') throw badJson('pattern is not a string')
  return json
}

function parseConditions(json: JsonValue): readonly PushCondition[] {
  if (!Array.isArray(json) || json.length > MAX_PUSH_CONDITIONS) {
    throw badJson(`conditions is not a list of at most ${MAX_PUSH_CONDITIONS} entries`)
  }
  return json.map((condition: JsonValue) => {
    if (!isCondition(condition)) throw badJson('conditions has an entry without a kind')
    return condition
  })
}

function isCondition(condition: JsonValue): condition is PushCondition {
  return isJsonObject(condition) && typeof condition.kind === 'string'
}
