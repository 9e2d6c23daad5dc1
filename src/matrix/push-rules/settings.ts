import { badJson, MatrixError, notFound } from '../errors.ts'
import { defaultPushRules, THREAD_SUBSCRIPTION_RULES } from './default-rules.ts'
import type { AnyPushRuleKind, PushAction, PushRule, PushRuleKind, PushRuleset } from './ruleset.ts'
import { MAX_PUSH_RULES, POSTCONTENT, PUSH_RULE_KINDS } from './ruleset.ts'

/** What a user changed about a server-default rule. */
export interface DefaultRuleChange {
  readonly ruleId: string
  readonly enabled?: boolean
  readonly actions?: readonly PushAction[]
}

/** What is stored for a user: their own rules, each kind in descending priority, and their changes to the defaults. Plain data. */
export interface PushSettings {
  readonly rules: PushRuleset
  readonly changes: readonly DefaultRuleChange[]
}

/** The settings of a new account. */
export const EMPTY_PUSH_SETTINGS: PushSettings = {
  rules: { override: [], content: [], room: [], sender: [], underride: [] },
  changes: [],
}

/** Where a rule goes among the user's rules of its kind. `before` wins over `after`. */
export interface RulePlacement {
  readonly before?: string | undefined
  readonly after?: string | undefined
}

/**
 * All rules of a user as they apply: per kind the user's own, then the defaults with the user's changes; `.m.rule.master` above everything
 * (client-server-api#predefined-rules). Those of thread subscriptions only where the server has them.
 */
export function rulesetOf(settings: PushSettings, userId: string, withThreadSubscriptions = false): PushRuleset {
  const defaults = defaultPushRules(userId)
  const [master, ...overrides] = defaults.override.map((rule) => withChange(rule, settings.changes))
  return {
    override: [...(master === undefined ? [] : [master]), ...settings.rules.override, ...overrides],
    content: settings.rules.content,
    ...(withThreadSubscriptions ? { [POSTCONTENT]: THREAD_SUBSCRIPTION_RULES.map((rule) => withChange(rule, settings.changes)) } : {}),
    room: settings.rules.room,
    sender: settings.rules.sender,
    underride: [...settings.rules.underride, ...defaults.underride.map((rule) => withChange(rule, settings.changes))],
  }
}

/**
 * Adds a rule, or replaces the one of its kind and ID, which keeps its place unless the client names another.
 * @throws MatrixError 400 M_UNKNOWN if the rule named by the placement does not exist, M_BAD_JSON if there are too many rules.
 */
export function putPushRule(settings: PushSettings, kind: PushRuleKind, rule: PushRule, placement: RulePlacement = {}): PushSettings {
  const list = settings.rules[kind]
  const existing = list.findIndex(({ rule_id }) => rule_id === rule.rule_id)
  if (existing < 0 && countRules(settings.rules) >= MAX_PUSH_RULES) throw badJson(`There are ${MAX_PUSH_RULES} push rules already`)
  const others = list.filter((_rule, index) => index !== existing)
  const at = placementIndex(others, placement) ?? Math.max(existing, 0)
  const enabled = list[existing]?.enabled ?? true
  return withRules(settings, kind, [...others.slice(0, at), { ...rule, enabled }, ...others.slice(at)])
}

/**
 * Removes one of the user's rules.
 * @throws MatrixError M_NOT_FOUND if there is none; server-default rules cannot be removed.
 */
export function deletePushRule(settings: PushSettings, kind: PushRuleKind, ruleId: string): PushSettings {
  const kept = settings.rules[kind].filter((rule) => rule.rule_id !== ruleId)
  if (kept.length === settings.rules[kind].length) throw notFound('There is no such push rule')
  return withRules(settings, kind, kept)
}

/**
 * Changes what a rule does, or whether it does anything; for server-default rules too.
 * @throws MatrixError M_NOT_FOUND if there is no such rule.
 */
export function changePushRule(
  settings: PushSettings,
  kind: AnyPushRuleKind,
  ruleId: string,
  change: { readonly enabled?: boolean; readonly actions?: readonly PushAction[] },
): PushSettings {
  const list = kind === POSTCONTENT ? [] : settings.rules[kind]
  if (kind !== POSTCONTENT && list.some((rule) => rule.rule_id === ruleId)) {
    return withRules(
      settings,
      kind,
      list.map((rule) => (rule.rule_id === ruleId ? { ...rule, ...change } : rule)),
    )
  }
  // The user ID only fills in values of conditions.
  const defaults = kind === POSTCONTENT ? THREAD_SUBSCRIPTION_RULES : defaultPushRules('')[kind]
  if (!defaults.some((rule) => rule.rule_id === ruleId)) throw notFound('There is no such push rule')
  const previous = settings.changes.find((entry) => entry.ruleId === ruleId)
  const others = settings.changes.filter((entry) => entry.ruleId !== ruleId)
  return { ...settings, changes: [...others, { ...previous, ...change, ruleId }] }
}

function withChange(rule: PushRule, changes: readonly DefaultRuleChange[]): PushRule {
  const change = changes.find((entry) => entry.ruleId === rule.rule_id)
  return change === undefined ? rule : { ...rule, enabled: change.enabled ?? rule.enabled, actions: change.actions ?? rule.actions }
}

function placementIndex(rules: readonly PushRule[], { before, after }: RulePlacement): number | undefined {
  const anchor = before ?? after
  if (anchor === undefined) return undefined
  const index = rules.findIndex((rule) => rule.rule_id === anchor)
  if (index < 0) throw new MatrixError(400, 'M_UNKNOWN', `before/after rule not found: ${anchor}`)
  // "Before" is more important, and more important rules come first.
  return before === undefined ? index + 1 : index
}

function withRules(settings: PushSettings, kind: PushRuleKind, rules: readonly PushRule[]): PushSettings {
  return { ...settings, rules: { ...settings.rules, [kind]: rules } }
}

function countRules(rules: PushRuleset): number {
  return PUSH_RULE_KINDS.reduce((count, kind) => count + rules[kind].length, 0)
}
