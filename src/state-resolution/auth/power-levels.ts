import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { isUserId } from '../../matrix/ids/user-id.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import { DEFAULT_POWER_LEVELS, isRoomCreator, type NamedPowerLevel, type PowerLevels, parsePowerLevel } from '../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import type { AuthState } from './auth-state.ts'
import { powerLevelsRuleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

const LEVEL_NAMES = Object.keys(DEFAULT_POWER_LEVELS) as readonly NamedPowerLevel[]

/** The rule on `m.room.power_levels`: 10, in versions 6 to 11 9. */
export function checkPowerLevels(
  event: RoomEvent,
  create: RoomEvent,
  state: AuthState,
  power: PowerLevels,
  rules: RoomVersionRules,
): Verdict {
  const shape = checkShape(event.content, rules)
  if (!shape.allowed) return shape
  const creators = checkNamesNoCreator(event.content, create, rules)
  if (!creators.allowed) return creators
  // If there is no previous m.room.power_levels event in the room, allow.
  const current = state.get('m.room.power_levels', '')?.content
  if (current === undefined) return ALLOWED
  const change: LevelsChange = { current, next: event.content, sender: event.sender, level: power.userLevel(event.sender), rules }
  for (const check of [checkLevelChanges, checkMapChanges, checkUserChanges]) {
    const verdict = check(change)
    if (!verdict.allowed) return verdict
  }
  // Otherwise, allow.
  return ALLOWED
}

/**
 * The rules on the shape of the content: n.1 to n.3 from version 10, n.1 before. Versions 1 to 9 only ask it of `users`; a level that
 * cannot be read as one refuses there too, because the rules after it could not be checked.
 */
function checkShape(content: JsonObject, rules: RoomVersionRules): Verdict {
  const numbers = powerLevelsRuleNumbers(rules)
  // From version 10: n.1 If any of the properties users_default, events_default, … in content are present and not an integer, reject.
  for (const name of LEVEL_NAMES) {
    const value = content[name]
    if (value !== undefined && parsePowerLevel(value, rules) === undefined) {
      return refuse(numbers.integerLevels || numbers.levels, 'power_levels_malformed', `The power level ${name} is not an integer.`)
    }
  }
  // From version 10: n.2 If either of events or notifications are present and not an object with values that are integers, reject.
  for (const name of rules.limitNotificationPowerLevels ? LIMITED_MAPS : EVENTS_ONLY) {
    if (!isLevelMap(content[name], rules)) {
      return refuse(
        numbers.integerMaps || numbers.mapsCurrent,
        'power_levels_malformed',
        `The power levels of ${name} are not all integers.`,
      )
    }
  }
  // n.3 (before version 10: n.1) If the users property is not an object with keys that are valid user IDs with values that are integers, reject.
  if (!isLevelMap(content.users, rules)) {
    return refuse(numbers.users, 'power_levels_malformed', 'The power levels of users are not all integers.')
  }
  const stranger = Object.keys(mapOf(content, 'users')).find((userId) => !isUserId(userId))
  if (stranger === undefined) return ALLOWED
  return refuse(
    numbers.users,
    'power_levels_user_id_malformed',
    `${JSON.stringify(stranger)} is not a user ID and cannot have a power level.`,
  )
}

/** n.4 of version 12. */
function checkNamesNoCreator(content: JsonObject, create: RoomEvent, rules: RoomVersionRules): Verdict {
  // If the users property in content contains the sender of the m.room.create event or any of its additional_creators, reject.
  if (!rules.privilegedCreators) return ALLOWED
  const creator = Object.keys(mapOf(content, 'users')).find((userId) => isRoomCreator(create, userId, rules))
  if (creator === undefined) return ALLOWED
  return refuse(
    powerLevelsRuleNumbers(rules).creators,
    'power_levels_name_creator',
    `${creator} created the room: their power is above every level and cannot be set.`,
  )
}

/** Power levels before and after, and the level of who changes them. */
interface LevelsChange {
  readonly current: JsonObject
  readonly next: JsonObject
  readonly sender: string
  readonly level: number
  readonly rules: RoomVersionRules
}

type LevelMap = 'users' | 'events' | 'notifications'
const EVENTS_ONLY: readonly LevelMap[] = ['events']
const LIMITED_MAPS: readonly LevelMap[] = ['events', 'notifications']

/** The rule on `users_default`, `events_default`, `state_default`, `ban`, `redact`, `kick` and `invite`. */
function checkLevelChanges(change: LevelsChange): Verdict {
  const { current, next, level, rules } = change
  // For each of the properties that was added, changed or removed: .1 if the current value is higher than the sender's current power
  // level, reject; .2 if the new value is higher, reject.
  for (const name of LEVEL_NAMES) {
    const before = currentLevel(current[name], rules)
    const after = parsePowerLevel(next[name], rules)
    if (before === after) continue
    if (before !== undefined && before > level) return tooHigh(`${powerLevelsRuleNumbers(rules).levels}.1`, name, before, change)
    if (after !== undefined && after > level) return tooHigh(`${powerLevelsRuleNumbers(rules).levels}.2`, name, after, change)
  }
  return ALLOWED
}

/** The rules on the entries of `events` and, from version 6, `notifications`. */
function checkMapChanges(change: LevelsChange): Verdict {
  const { level, rules } = change
  for (const name of rules.limitNotificationPowerLevels ? LIMITED_MAPS : EVENTS_ONLY) {
    for (const [key, before, after] of changedEntries(change, name)) {
      // For each entry being changed in, or removed: .1 if the current value is greater than the sender's current power level, reject.
      if (before !== undefined && before > level) return tooHigh(`${powerLevelsRuleNumbers(rules).mapsCurrent}.1`, key, before, change)
      // For each entry being added to, or changed: .1 if the new value is greater than the sender's current power level, reject.
      if (after !== undefined && after > level) return tooHigh(`${powerLevelsRuleNumbers(rules).mapsNew}.1`, key, after, change)
    }
  }
  return ALLOWED
}

/** The rules on the entries of `users`. */
function checkUserChanges(change: LevelsChange): Verdict {
  const { sender, level, rules } = change
  for (const [userId, before, after] of changedEntries(change, 'users')) {
    // For each entry being changed or removed, other than the sender's own: .1 if the current value is greater than or equal to the
    // sender's current power level, reject.
    if (userId !== sender && before !== undefined && before >= level) {
      return refuse(
        `${powerLevelsRuleNumbers(rules).usersCurrent}.1`,
        'power_levels_user_not_below_sender',
        `${sender} (level ${level}) cannot change the power of ${userId}, whose level is ${before}.`,
      )
    }
    // For each entry being added or changed: .1 if the new value is greater than the sender's current power level, reject.
    if (after !== undefined && after > level) return tooHigh(`${powerLevelsRuleNumbers(rules).usersNew}.1`, userId, after, change)
  }
  return ALLOWED
}

/** Entries of a map that differ as levels: key, current value, new value; `undefined` where there is none. */
function* changedEntries(
  { current, next, rules }: LevelsChange,
  name: LevelMap,
): Generator<[key: string, before: number | undefined, after: number | undefined]> {
  const old = mapOf(current, name)
  const fresh = mapOf(next, name)
  for (const key of Object.keys(fresh)) {
    const before = Object.hasOwn(old, key) ? currentLevel(old[key], rules) : undefined
    const after = parsePowerLevel(fresh[key], rules)
    if (before !== after) yield [key, before, after]
  }
  for (const key of Object.keys(old)) {
    if (Object.hasOwn(fresh, key)) continue
    const before = currentLevel(old[key], rules)
    if (before !== undefined) yield [key, before, undefined]
  }
}

/** A level in force. One that cannot be read is above everybody, so that only what does not touch it passes. */
function currentLevel(value: JsonValue | undefined, rules: RoomVersionRules): number | undefined {
  return value === undefined ? undefined : (parsePowerLevel(value, rules) ?? Number.POSITIVE_INFINITY)
}

function isLevelMap(value: JsonValue | undefined, rules: RoomVersionRules): boolean {
  if (value === undefined) return true
  return isJsonObject(value) && Object.values(value).every((level) => parsePowerLevel(level, rules) !== undefined)
}

const EMPTY: JsonObject = {}

function mapOf(content: JsonObject, name: LevelMap): JsonObject {
  const map = content[name]
  return isJsonObject(map) ? map : EMPTY
}

function tooHigh(rule: string, name: string, value: number, { sender, level }: LevelsChange): Verdict {
  return refuse(
    rule,
    'power_levels_change_too_high',
    `${sender} (level ${level}) cannot change the level of ${name}, which is or would become ${value}.`,
  )
}
