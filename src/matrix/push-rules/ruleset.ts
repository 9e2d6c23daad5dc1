import type { JsonObject, JsonValue } from '../json.ts'

/*
 * Push rules in the form in which clients send and receive them (client-server-api#push-rules), hence the keys of the wire.
 */

/** Kinds of push rules in the order in which they are tried. */
export const PUSH_RULE_KINDS = ['override', 'content', 'room', 'sender', 'underride'] as const
/** One of the five kinds. */
export type PushRuleKind = (typeof PUSH_RULE_KINDS)[number]
/** A kind between `content` and `room` of which only the server has rules: those of thread subscriptions (MSC4306). */
export const POSTCONTENT = 'postcontent'
/** Any kind. */
export type AnyPushRuleKind = PushRuleKind | typeof POSTCONTENT

/** Most rules of one user, server-default ones not counted. */
export const MAX_PUSH_RULES = 1_000
/** Most conditions of one rule; a rule with more never matches. */
export const MAX_PUSH_CONDITIONS = 64
/** Most actions of one rule. */
export const MAX_PUSH_ACTIONS = 32
/** Longest ID of a rule, in characters. */
export const MAX_RULE_ID_LENGTH = 255

/** What to do about an event: `notify`, or a tweak such as `{ "set_tweak": "sound", "value": "default" }`. */
export type PushAction = string | { readonly set_tweak: string; readonly value?: JsonValue }

/** A condition of an override or underride rule. Which other keys it has depends on `kind`; unknown kinds never hold. */
export type PushCondition = JsonObject & { readonly kind: string }

/** One push rule. */
export interface PushRule {
  readonly rule_id: string
  /** Whether the server brought it; its ID then starts with a dot. */
  readonly default: boolean
  readonly enabled: boolean
  readonly actions: readonly PushAction[]
  /** Override and underride rules only; all must hold. */
  readonly conditions?: readonly PushCondition[]
  /** Content rules only: a glob for the words of the body. */
  readonly pattern?: string
}

/** A user's rules, each kind in descending priority. */
export type PushRuleset = Readonly<Record<PushRuleKind, readonly PushRule[]>> & { readonly [POSTCONTENT]?: readonly PushRule[] }
