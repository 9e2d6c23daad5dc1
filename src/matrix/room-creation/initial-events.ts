import type { JsonObject } from '../json.ts'
import { initialPowerLevels } from './initial-power-levels.ts'
import type { InitialEvent, RoomPlan } from './room-plan.ts'

/**
 * The state events of a new room after its create event, in the order that client-server-api#post_matrixclientv3createroom prescribes:
 * creator's join, power levels, preset, initial state, alias, name and topic, invitations. Later sources replace earlier ones.
 */
export function initialEvents(plan: RoomPlan): InitialEvent[] {
  const given = new Map(plan.initialState.map((event) => [keyOf(event.type, event.stateKey), event]))
  const state = (type: string, content: JsonObject, stateKey = ''): InitialEvent => ({ type, stateKey, sender: plan.creator, content })
  // Power levels decide about everything after them: whoever brings their own brings them early.
  const powerLevels = given.get(keyOf('m.room.power_levels', ''))?.content ?? initialPowerLevels(plan)
  const named: InitialEvent[] = []
  if (plan.alias !== undefined) named.push(state('m.room.canonical_alias', { alias: plan.alias }))
  if (plan.name !== undefined) named.push(state('m.room.name', { name: plan.name }))
  if (plan.topic !== undefined) {
    named.push(state('m.room.topic', { topic: plan.topic, 'm.topic': { 'm.text': [{ body: plan.topic }] } }))
  }
  const taken = new Set([keyOf('m.room.power_levels', ''), ...named.map(({ type, stateKey }) => keyOf(type, stateKey))])
  return [
    state('m.room.member', { ...plan.creatorProfile, membership: 'join' }, plan.creator),
    state('m.room.power_levels', powerLevels),
    ...presetEvents(plan, state).filter(({ type, stateKey }) => !given.has(keyOf(type, stateKey))),
    ...[...given].filter(([key]) => !taken.has(key)).map(([, event]) => state(event.type, event.content, event.stateKey)),
    ...named,
    ...plan.invite.map(({ userId, profile }) =>
      state('m.room.member', { ...profile, ...(plan.isDirect ? { is_direct: true } : {}), membership: 'invite' }, userId),
    ),
    ...(plan.finalPowerLevels === undefined ? [] : [state('m.room.power_levels', plan.finalPowerLevels)]),
  ]
}

function presetEvents({ preset }: RoomPlan, state: (type: string, content: JsonObject) => InitialEvent): InitialEvent[] {
  return [
    state('m.room.join_rules', { join_rule: preset.joinRule }),
    state('m.room.history_visibility', { history_visibility: preset.historyVisibility }),
    // Forbidden is what the absence of the event means.
    ...(preset.guestAccess === 'can_join' ? [state('m.room.guest_access', { guest_access: preset.guestAccess })] : []),
  ]
}

function keyOf(type: string, stateKey: string): string {
  return `${type}\u0000${stateKey}`
}
