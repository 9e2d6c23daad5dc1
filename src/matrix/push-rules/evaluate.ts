import type { JsonObject } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { ConditionTest, PushContext } from './conditions.ts'
import { compileCondition, compileEventMatch } from './conditions.ts'
import { isForEverybody } from './default-rules.ts'
import type { AnyPushRuleKind, PushAction, PushRule, PushRuleset } from './ruleset.ts'
import { MAX_PUSH_CONDITIONS } from './ruleset.ts'

/** What the rules say about an event. */
export interface PushVerdict {
  /** Whether the user is to be notified. */
  readonly notify: boolean
  /** Whether the event is to be highlighted; implies `notify`. */
  readonly highlight: boolean
  /** Actions of the rule that matched, without historical ones. */
  readonly actions: readonly PushAction[]
  /** The rule that matched, if one did. */
  readonly ruleId: string | undefined
}

const SILENT: PushVerdict = { notify: false, highlight: false, actions: [], ruleId: undefined }

/**
 * Applies a user's push rules to an event (client-server-api#push-rules): the first enabled rule that matches decides. Users are never
 * notified of what they sent themselves. Rules are prepared once per ruleset object, which must not be changed afterwards.
 * @param event in client format, with `room_id`.
 */
export function evaluatePushRules(ruleset: PushRuleset, event: JsonObject, context: PushContext): PushVerdict {
  if (event.sender === context.userId) return SILENT
  for (const rule of compiledRules(ruleset)) if (matches(rule, event, context)) return rule.verdict
  return SILENT
}

function matches(rule: CompiledRule, event: JsonObject, context: PushContext): boolean {
  const { shared } = context
  if (!rule.isForEverybody || shared === undefined) return holds(rule, event, context)
  let answer = shared.get(rule)
  if (answer === undefined) {
    answer = holds(rule, event, context)
    shared.set(rule, answer)
  }
  return answer
}

function holds({ tests }: CompiledRule, event: JsonObject, context: PushContext): boolean {
  return tests.every((test) => test(event, context))
}

/** An enabled rule, ready to be applied. */
interface CompiledRule {
  readonly tests: readonly ConditionTest[]
  readonly verdict: PushVerdict
  /** One of the server's rules, which does not ask who the user is. */
  readonly isForEverybody: boolean
}

const ORDER: readonly AnyPushRuleKind[] = ['override', 'content', 'postcontent', 'room', 'sender', 'underride']

const COMPILED = new WeakMap<PushRuleset, readonly CompiledRule[]>()

function compiledRules(ruleset: PushRuleset): readonly CompiledRule[] {
  let rules = COMPILED.get(ruleset)
  if (rules === undefined) {
    rules = ORDER.flatMap((kind) => (ruleset[kind] ?? []).filter(({ enabled }) => enabled).map((rule) => compileRule(kind, rule)))
    COMPILED.set(ruleset, rules)
  }
  return rules
}

/** The server's rules, which are the same objects for everybody. */
const SHARED_RULES = new WeakMap<PushRule, CompiledRule>()

function compileRule(kind: AnyPushRuleKind, rule: PushRule): CompiledRule {
  const known = SHARED_RULES.get(rule)
  if (known !== undefined) return known
  const compiled = { tests: compileTests(kind, rule), verdict: verdictOf(rule), isForEverybody: isForEverybody(rule) }
  if (compiled.isForEverybody) SHARED_RULES.set(rule, compiled)
  return compiled
}

function compileTests(kind: AnyPushRuleKind, rule: PushRule): readonly ConditionTest[] {
  switch (kind) {
    case 'content':
      return [compileEventMatch('content.body', rule.pattern)]
    case 'room':
      return [(event) => event.room_id === rule.rule_id]
    case 'sender':
      return [(event) => event.sender === rule.rule_id]
    default: {
      const conditions = rule.conditions ?? []
      return conditions.length > MAX_PUSH_CONDITIONS ? [() => false] : conditions.map(compileCondition)
    }
  }
}

const HISTORICAL_ACTIONS: readonly unknown[] = ['dont_notify', 'coalesce']

function verdictOf(rule: PushRule): PushVerdict {
  const actions = rule.actions.filter((action) => !HISTORICAL_ACTIONS.includes(action))
  const notify = actions.includes('notify')
  return { notify, highlight: notify && actions.some(highlights), actions, ruleId: rule.rule_id }
}

/** A highlight tweak without a value means yes (client-server-api#actions). */
function highlights(action: PushAction): boolean {
  return isJsonObject(action) && action.set_tweak === 'highlight' && (action.value ?? true) === true
}
