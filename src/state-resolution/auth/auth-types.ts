import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'

/** What of an event decides which state authorizes it; a {@link import('../../matrix/events/room-event.ts').RoomEvent} or a draft of one. */
export interface AuthTypesInput {
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: string
  readonly content: JsonObject
}

/** Type and state key of a state event. */
export type StateTuple = readonly [type: string, stateKey: string]

const CREATE: StateTuple = ['m.room.create', '']
const POWER_LEVELS: StateTuple = ['m.room.power_levels', '']
const JOIN_RULES: StateTuple = ['m.room.join_rules', '']

/**
 * Which entries of the room state authorize an event and belong in its `auth_events`, where the state has them; without repetitions, at
 * most seven (server-server-api#auth-events-selection). Empty for create events.
 */
export function authTypesFor(event: AuthTypesInput, rules: RoomVersionRules): readonly StateTuple[] {
  if (event.type === 'm.room.create') return []
  const types: StateTuple[] = rules.roomIdIsCreateHash ? [] : [CREATE]
  types.push(POWER_LEVELS, ['m.room.member', event.sender])
  if (event.type === 'm.room.member' && event.stateKey !== undefined) addMemberTypes(types, event, event.stateKey, rules)
  return types
}

function addMemberTypes(types: StateTuple[], event: AuthTypesInput, target: string, rules: RoomVersionRules): void {
  if (target !== event.sender) types.push(['m.room.member', target])
  const membership = event.content.membership
  if (membership === 'join' || membership === 'invite' || membership === 'knock') types.push(JOIN_RULES)
  if (membership === 'invite') {
    const token = thirdPartyToken(event.content)
    if (token !== undefined) types.push(['m.room.third_party_invite', token])
  }
  if (membership === 'join' && rules.restrictedJoins) {
    const authoriser = event.content.join_authorised_via_users_server
    if (typeof authoriser === 'string' && authoriser !== event.sender && authoriser !== target) types.push(['m.room.member', authoriser])
  }
}

/** `content.third_party_invite.signed.token` of an invite, if it has one. */
function thirdPartyToken(content: JsonObject): string | undefined {
  const invite = content.third_party_invite
  if (!isJsonObject(invite) || !isJsonObject(invite.signed)) return undefined
  return typeof invite.signed.token === 'string' ? invite.signed.token : undefined
}
