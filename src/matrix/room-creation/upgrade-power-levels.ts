import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { type CreateFacts, isRoomCreator, parsePowerLevel } from '../power-levels.ts'
import type { RoomVersionRules } from '../room-versions/rules.ts'

/** Level of who runs a room, in versions before 12. */
const ADMIN_LEVEL = 100
/** From version 12 only creators, whose power has no level, may end a room. */
const CREATORS_ONLY_LEVEL = 150

/** Power levels of a room that replaces another. */
export interface UpgradedPowerLevels {
  /** With which the room is set up: its creator may do everything that the rest of its state needs. */
  readonly first: JsonObject
  /** With which it is left, where that differs. */
  readonly last: JsonObject | undefined
}

/** What {@link upgradedPowerLevels} starts from. */
export interface PowerLevelUpgrade {
  readonly content: JsonObject
  readonly oldCreate: CreateFacts
  readonly oldRules: RoomVersionRules
  readonly rules: RoomVersionRules
  readonly creator: string
  readonly additionalCreators: readonly string[]
}

/**
 * The power levels of a room for the room that replaces it (client-server-api#room-upgrades): in the form of the new version, without creators where
 * those have no level, and with the creators of the old room where they need one.
 */
export function upgradedPowerLevels(upgrade: PowerLevelUpgrade): UpgradedPowerLevels {
  const { oldRules, rules, creator, additionalCreators } = upgrade
  const content = rules.integerPowerLevels ? withIntegers(upgrade.content, oldRules) : upgrade.content
  const given: readonly (readonly [string, JsonValue | undefined])[] = isJsonObject(content.users) ? Object.entries(content.users) : []
  if (rules.privilegedCreators) {
    const users = given.filter(([userId]) => userId !== creator && !additionalCreators.includes(userId))
    const events = isJsonObject(content.events) ? content.events : {}
    const tombstone = typeof events['m.room.tombstone'] === 'number' ? events['m.room.tombstone'] : 0
    const raised = oldRules.privilegedCreators ? events : { ...events, 'm.room.tombstone': Math.max(tombstone, CREATORS_ONLY_LEVEL) }
    return { first: { ...content, users: Object.fromEntries(users), events: raised }, last: undefined }
  }
  const oldCreators = oldRules.privilegedCreators ? creatorsOf(upgrade.oldCreate, oldRules) : []
  const users = Object.fromEntries([...oldCreators.map((userId): [string, JsonValue | undefined] => [userId, ADMIN_LEVEL]), ...given])
  const last: JsonObject = { ...content, users }
  const enough = Math.max(ADMIN_LEVEL, ...levelsIn(last))
  if (typeof users[creator] === 'number' && users[creator] >= enough) return { first: last, last: undefined }
  return { first: { ...content, users: { ...users, [creator]: enough } }, last }
}

function creatorsOf(create: CreateFacts, rules: RoomVersionRules): string[] {
  const additional = Array.isArray(create.content.additional_creators) ? create.content.additional_creators : []
  const named = additional.filter((userId): userId is string => typeof userId === 'string')
  return [create.sender, ...named].filter((userId) => isRoomCreator(create, userId, rules))
}

/** Levels as integers, where older versions let them be texts; what is no level is left out. */
function withIntegers(content: JsonObject, oldRules: RoomVersionRules): JsonObject {
  const entries = Object.entries(content).flatMap(([key, value]): [string, JsonValue][] => {
    if (isJsonObject(value)) return [[key, withIntegers(value, oldRules)]]
    const level = parsePowerLevel(value, oldRules)
    return level === undefined ? [] : [[key, level]]
  })
  return Object.fromEntries(entries)
}

function levelsIn(content: JsonObject): number[] {
  return Object.values(content).flatMap((value) => (typeof value === 'number' ? [value] : isJsonObject(value) ? levelsIn(value) : []))
}
