/** Why an event was refused, as a tag that code, metrics and tests can compare. */
export type RefusalReason =
  // create
  | 'create_has_prev_events'
  | 'create_room_id_not_of_sender_server'
  | 'create_has_room_id'
  | 'create_room_version_unknown'
  | 'create_without_creator'
  | 'create_additional_creators_malformed'
  // the event's auth_events
  | 'room_without_accepted_create'
  | 'auth_event_missing'
  | 'auth_event_duplicate'
  | 'auth_event_irrelevant'
  | 'auth_event_rejected'
  | 'auth_event_create_missing'
  | 'auth_event_of_other_room'
  // any event
  | 'state_without_create'
  | 'state_of_other_room'
  | 'room_not_federated'
  | 'sender_not_joined'
  | 'sender_level_too_low'
  | 'state_key_of_other_user'
  | 'state_key_without_owner'
  // aliases
  | 'aliases_without_state_key'
  | 'aliases_of_other_server'
  // membership
  | 'member_malformed'
  | 'member_unknown_membership'
  | 'join_authoriser_malformed'
  | 'join_for_other_user'
  | 'join_while_banned'
  | 'join_without_invite'
  | 'join_not_authorised'
  | 'join_rule_forbids'
  | 'invite_target_banned'
  | 'invite_target_joined'
  | 'invite_level_too_low'
  | 'third_party_invite_malformed'
  | 'third_party_invite_for_other_user'
  | 'third_party_invite_unknown'
  | 'third_party_invite_of_other_sender'
  | 'third_party_invite_signature_invalid'
  | 'leave_without_membership'
  | 'unban_level_too_low'
  | 'kick_level_too_low'
  | 'kick_target_level_too_high'
  | 'ban_level_too_low'
  | 'ban_target_level_too_high'
  | 'knock_rule_forbids'
  | 'knock_for_other_user'
  | 'knock_membership_forbids'
  // power levels
  | 'power_levels_malformed'
  | 'power_levels_user_id_malformed'
  | 'power_levels_name_creator'
  | 'power_levels_change_too_high'
  | 'power_levels_user_not_below_sender'
  // redaction
  | 'redaction_level_too_low'

/** The answer of an authorization rule to one event. */
export type Verdict = Allowed | Refused

/** The rule lets the event pass. */
export interface Allowed {
  readonly allowed: true
}

/** The rule does not let the event pass, and why. */
export interface Refused {
  readonly allowed: false
  /** Number of the rule in the specification of the room's version, such as `4.3.1`. */
  readonly rule: string
  readonly reason: RefusalReason
  /** One sentence for a moderator. */
  readonly message: string
}

/** The one positive verdict. */
export const ALLOWED: Allowed = { allowed: true }

/** A negative verdict. */
export function refuse(rule: string, reason: RefusalReason, message: string): Refused {
  return { allowed: false, rule, reason, message }
}
