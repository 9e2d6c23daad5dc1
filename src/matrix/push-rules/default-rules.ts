import type { PushAction, PushCondition, PushRule, PushRuleset } from './ruleset.ts'

/*
 * The server-default rules (client-server-api#predefined-rules), in the specification's order, and those for polls (MSC3930).
 */

const NOTIFY: readonly PushAction[] = ['notify']
const NOTIFY_WITH_SOUND: readonly PushAction[] = ['notify', { set_tweak: 'sound', value: 'default' }]
const NOTIFY_WITH_RING: readonly PushAction[] = ['notify', { set_tweak: 'sound', value: 'ring' }]
const NOTIFY_WITH_HIGHLIGHT: readonly PushAction[] = ['notify', { set_tweak: 'highlight' }]
const NOTIFY_WITH_SOUND_AND_HIGHLIGHT: readonly PushAction[] = [...NOTIFY_WITH_SOUND, { set_tweak: 'highlight' }]
const NOTHING: readonly PushAction[] = []

/** The rules that every account starts with. */
export function defaultPushRules(userId: string): PushRuleset {
  return { override: defaultOverrideRules(userId), content: [], room: [], sender: [], underride: DEFAULT_UNDERRIDE_RULES }
}

const MASTER = { ...rule('.m.rule.master', [], NOTHING), enabled: false }
const SUPPRESS_NOTICES = rule('.m.rule.suppress_notices', [eventMatch('content.msgtype', 'm.notice')], NOTHING)
const MEMBER_EVENT = rule('.m.rule.member_event', [eventMatch('type', 'm.room.member')], NOTHING)
const LATER_OVERRIDE_RULES: readonly PushRule[] = [
  rule(
    '.m.rule.is_room_mention',
    [
      { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
      { kind: 'sender_notification_permission', key: 'room' },
    ],
    NOTIFY_WITH_HIGHLIGHT,
  ),
  rule('.m.rule.tombstone', [eventMatch('type', 'm.room.tombstone'), eventMatch('state_key', '')], NOTIFY_WITH_HIGHLIGHT),
  rule('.m.rule.reaction', [eventMatch('type', 'm.reaction')], NOTHING),
  rule('.m.rule.room.server_acl', [eventMatch('type', 'm.room.server_acl'), eventMatch('state_key', '')], NOTHING),
  rule('.org.matrix.msc3930.rule.poll_response', [eventMatch('type', 'org.matrix.msc3381.poll.response')], NOTHING),
  rule('.m.rule.suppress_edits', [{ kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' }], NOTHING),
]

function defaultOverrideRules(userId: string): readonly PushRule[] {
  return [
    MASTER,
    SUPPRESS_NOTICES,
    rule(
      '.m.rule.invite_for_me',
      [eventMatch('type', 'm.room.member'), eventMatch('content.membership', 'invite'), eventMatch('state_key', userId)],
      NOTIFY_WITH_SOUND,
    ),
    MEMBER_EVENT,
    rule(
      '.m.rule.is_user_mention',
      [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
      NOTIFY_WITH_SOUND_AND_HIGHLIGHT,
    ),
    ...LATER_OVERRIDE_RULES,
  ]
}

/** The rules of thread subscriptions (MSC4306): what is said in a thread counts for those who have subscribed to it, and for nobody else unless it mentions them. */
export const THREAD_SUBSCRIPTION_RULES: readonly PushRule[] = [
  rule('.io.element.msc4306.rule.unsubscribed_thread', [threadSubscription(false)], NOTHING),
  rule('.io.element.msc4306.rule.subscribed_thread', [threadSubscription(true)], NOTIFY_WITH_SOUND),
]

function threadSubscription(subscribed: boolean): PushCondition {
  return { kind: 'io.element.msc4306.thread_subscription', subscribed }
}

const TWO_MEMBERS: PushCondition = { kind: 'room_member_count', is: '2' }

const DEFAULT_UNDERRIDE_RULES: readonly PushRule[] = [
  rule('.m.rule.call', [eventMatch('type', 'm.call.invite')], NOTIFY_WITH_RING),
  rule('.m.rule.encrypted_room_one_to_one', [TWO_MEMBERS, eventMatch('type', 'm.room.encrypted')], NOTIFY_WITH_SOUND),
  rule('.m.rule.room_one_to_one', [TWO_MEMBERS, eventMatch('type', 'm.room.message')], NOTIFY_WITH_SOUND),
  rule('.m.rule.message', [eventMatch('type', 'm.room.message')], NOTIFY),
  rule('.m.rule.encrypted', [eventMatch('type', 'm.room.encrypted')], NOTIFY),
  // Polls count like messages, answers to them for nothing (MSC3930).
  ...pollRules('start'),
  ...pollRules('end'),
]

const FOR_EVERYBODY: ReadonlySet<PushRule> = new Set([
  ...[MASTER, SUPPRESS_NOTICES, MEMBER_EVENT],
  ...LATER_OVERRIDE_RULES,
  ...DEFAULT_UNDERRIDE_RULES,
])

/** Whether a rule is one of the server's that says the same for everybody, as long as the room is the same: neither names the user nor asks for anything of theirs. */
export function isForEverybody(rule: PushRule): boolean {
  return FOR_EVERYBODY.has(rule)
}

function pollRules(what: 'start' | 'end'): readonly PushRule[] {
  const isPoll = eventMatch('type', `org.matrix.msc3381.poll.${what}`)
  const ruleId = `.org.matrix.msc3930.rule.poll_${what}`
  return [rule(`${ruleId}_one_to_one`, [TWO_MEMBERS, isPoll], NOTIFY_WITH_SOUND), rule(ruleId, [isPoll], NOTIFY)]
}

function rule(ruleId: string, conditions: readonly PushCondition[], actions: readonly PushAction[]): PushRule {
  return { rule_id: ruleId, default: true, enabled: true, conditions, actions }
}

function eventMatch(key: string, pattern: string): PushCondition {
  return { kind: 'event_match', key, pattern }
}
