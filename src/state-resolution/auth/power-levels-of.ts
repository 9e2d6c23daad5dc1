import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import type { AuthState } from './auth-state.ts'

/** Levels that the power-levels event carries at the top of its content. */
export const NAMED_LEVELS = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite'] as const
export type NamedLevel = (typeof NAMED_LEVELS)[number]

/** What a level is when the event, or the property, is absent (server-server-api#definitions). */
const DEFAULT_LEVELS: Readonly<Record<NamedLevel, number>> = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  redact: 50,
  kick: 50,
  invite: 0,
}

/** Level of the creator while a room has no power-levels event (room versions 1 to 11). */
const CREATOR_LEVEL = 100
/** Level of creators in room versions that privilege them: above every other, and never below a requirement. */
export const PRIVILEGED_CREATOR_LEVEL = Number.POSITIVE_INFINITY
/** Stands in for a requirement that cannot be read, so that nobody but a privileged creator meets it. */
const UNREADABLE_REQUIREMENT = Number.POSITIVE_INFINITY
/** Stands in for a user's level that cannot be read. */
const UNREADABLE_USER_LEVEL = Number.NEGATIVE_INFINITY

/** Integers that older room versions accept as strings (rooms/v1#mroompower_levels-events-accept-values-as-strings). */
const INTEGER_STRING = /^\s*[+-]?\d+\s*$/

/** The two events that power levels are inferred from. */
export interface PowerSource {
  readonly create: RoomEvent | undefined
  /** Content of the `m.room.power_levels` event; `undefined` if there is none. */
  readonly levels: JsonObject | undefined
  readonly rules: RoomVersionRules
}

/** The {@link PowerSource} of a room state. */
export function powerSourceOf(state: AuthState, rules: RoomVersionRules): PowerSource {
  return { create: state.create, levels: state.get('m.room.power_levels', '')?.content, rules }
}

/**
 * A level as a number, `undefined` if the value is not one in this room version: integers only from version 10; before that also strings
 * of integers, and numbers cut at the decimal point (rooms/v1#deprecated-event-content-schemas).
 */
export function parseLevel(value: JsonValue | undefined, rules: RoomVersionRules): number | undefined {
  if (typeof value === 'number') {
    if (rules.integerPowerLevels) return Number.isSafeInteger(value) ? value : undefined
    return Number.isFinite(value) ? Math.trunc(value) : undefined
  }
  if (typeof value !== 'string' || rules.integerPowerLevels || !INTEGER_STRING.test(value)) return undefined
  const level = Number(value)
  return Number.isFinite(level) ? level : undefined
}

/** A user's power level. */
export function userLevel(source: PowerSource, userId: string): number {
  const { create, levels, rules } = source
  if (create !== undefined && rules.privilegedCreators && isCreator(create, userId, rules)) return PRIVILEGED_CREATOR_LEVEL
  if (levels === undefined) return create !== undefined && isCreator(create, userId, rules) ? CREATOR_LEVEL : DEFAULT_LEVELS.users_default
  const value = entryOf(levels, 'users', userId) ?? levels.users_default
  if (value === undefined) return DEFAULT_LEVELS.users_default
  return parseLevel(value, rules) ?? UNREADABLE_USER_LEVEL
}

/** The level that `ban`, `kick`, `redact` or `invite` needs. */
export function namedLevel(source: PowerSource, name: NamedLevel): number {
  const value = source.levels?.[name]
  if (value === undefined) return DEFAULT_LEVELS[name]
  return parseLevel(value, source.rules) ?? UNREADABLE_REQUIREMENT
}

/** The required power level of an event type (server-server-api#definitions). */
export function requiredLevel(source: PowerSource, type: string, isState: boolean): number {
  const value = source.levels === undefined ? undefined : entryOf(source.levels, 'events', type)
  if (value === undefined) return namedLevel(source, isState ? 'state_default' : 'events_default')
  return parseLevel(value, source.rules) ?? UNREADABLE_REQUIREMENT
}

/**
 * Whether a user created the room: the sender of the create event (version 11 and later), its `creator` (before), or in version 12 also one
 * of its `additional_creators`.
 */
export function isCreator(create: RoomEvent, userId: string, rules: RoomVersionRules): boolean {
  if (!rules.implicitCreator) return create.content.creator === userId
  if (create.sender === userId) return true
  const additional = create.content.additional_creators
  return rules.privilegedCreators && Array.isArray(additional) && additional.includes(userId)
}

/** An own entry of an object that is a property of a content: no entry is ever found on a prototype. */
function entryOf(content: JsonObject, property: 'users' | 'events', key: string): JsonValue | undefined {
  const entries = content[property]
  return isJsonObject(entries) && Object.hasOwn(entries, key) ? entries[key] : undefined
}
