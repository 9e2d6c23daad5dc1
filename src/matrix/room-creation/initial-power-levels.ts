import type { JsonObject } from '../json.ts'
import type { RoomPlan } from './room-plan.ts'

/** Level of who runs the room, in versions before 12 and as a requirement in all. */
const ADMIN_LEVEL = 100
const MODERATOR_LEVEL = 50
/** From version 12 only creators, whose power has no level, may end a room, unless the levels are changed. */
const CREATORS_ONLY_LEVEL = 150

/**
 * Content of a new room's power levels: everything at its default written out, so that a later change shows what it changes, then the
 * preset, then the creator's own wishes.
 */
export function initialPowerLevels(plan: RoomPlan): JsonObject {
  const { rules, preset } = plan
  const users: [string, number][] = []
  if (!rules.privilegedCreators) {
    if (preset.inviteesAreEqual) users.push(...plan.invite.map(({ userId }): [string, number] => [userId, ADMIN_LEVEL]))
    users.push([plan.creator, ADMIN_LEVEL])
  }
  return {
    users: Object.fromEntries(users),
    users_default: 0,
    events: {
      'm.room.name': MODERATOR_LEVEL,
      'm.room.avatar': MODERATOR_LEVEL,
      'm.room.canonical_alias': MODERATOR_LEVEL,
      'm.room.power_levels': ADMIN_LEVEL,
      'm.room.history_visibility': ADMIN_LEVEL,
      'm.room.encryption': ADMIN_LEVEL,
      'm.room.server_acl': ADMIN_LEVEL,
      'm.room.tombstone': rules.privilegedCreators ? CREATORS_ONLY_LEVEL : ADMIN_LEVEL,
    },
    events_default: 0,
    state_default: MODERATOR_LEVEL,
    ban: MODERATOR_LEVEL,
    kick: MODERATOR_LEVEL,
    redact: MODERATOR_LEVEL,
    invite: preset.inviteLevel,
    ...plan.powerLevelOverride,
  }
}
