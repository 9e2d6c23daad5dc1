import type { JsonObject, JsonValue } from './json.ts'
import { isJsonObject } from './json.ts'
import type { RoomVersionRules } from './room-versions/rules.ts'

/** Levels at the top of a power-levels event, and what they are when the event or the property is absent (server-server-api#definitions). */
export const DEFAULT_POWER_LEVELS = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  redact: 50,
  kick: 50,
  invite: 0,
} as const

/** Name of a level at the top of a power-levels event. */
export type NamedPowerLevel = keyof typeof DEFAULT_POWER_LEVELS

/** Level that `@room` and the like need by default (client-server-api#mroompower_levels). */
const DEFAULT_NOTIFICATION_LEVEL = 50
/** Level of the creator while a room has no power-levels event, in room versions before 12. */
const CREATOR_LEVEL = 100
/** Level of the creators of a version 12 room: above every other. */
export const PRIVILEGED_CREATOR_LEVEL = Number.POSITIVE_INFINITY
/** Stands in for a requirement that cannot be read: nobody meets it. Only versions before 10 let such an event into the state. */
const UNREADABLE_REQUIREMENT = Number.POSITIVE_INFINITY
/** Stands in for a user's level that cannot be read: it meets no requirement. */
const UNREADABLE_USER_LEVEL = Number.NEGATIVE_INFINITY

/** Integers that versions before 10 accept as strings (rooms/v1#mroompower_levels-events-accept-values-as-strings). */
const INTEGER_STRING = /^\s{0,16}[+-]?[0-9]{1,64}\s{0,16}$/

/** What power levels need to know of a create event. */
export interface CreateFacts {
  readonly sender: string
  readonly content: JsonObject
}

/**
 * A level as a number; `undefined` if the value is none in this room version: integers only from version 10; before also integers in
 * strings, and numbers cut at the decimal point (rooms/v1#deprecated-event-content-schemas).
 */
export function parsePowerLevel(value: JsonValue | undefined, rules: RoomVersionRules): number | undefined {
  if (typeof value === 'number') {
    if (rules.integerPowerLevels) return Number.isSafeInteger(value) ? value : undefined
    return Number.isFinite(value) ? Math.trunc(value) : undefined
  }
  if (typeof value !== 'string' || rules.integerPowerLevels || !INTEGER_STRING.test(value)) return undefined
  return Number(value)
}

/**
 * Whether a user created a room: the sender of its create event (version 11 and later), the `creator` in it (before), or in version 12 also
 * one of its `additional_creators`.
 */
export function isRoomCreator(create: CreateFacts, userId: string, rules: RoomVersionRules): boolean {
  if (!rules.implicitCreator) return create.content.creator === userId
  if (create.sender === userId) return true
  const additional = create.content.additional_creators
  return rules.privilegedCreators && Array.isArray(additional) && additional.includes(userId)
}

/**
 * Who may do what in a room, inferred from its create and power-levels events with their defaults (client-server-api#mroompower_levels).
 * Comparisons are the caller's: a user may do what needs at most their level.
 */
export class PowerLevels {
  readonly #create: CreateFacts | undefined
  readonly #content: JsonObject | undefined
  readonly #rules: RoomVersionRules

  /**
   * @param create the room's create event; `undefined` only where a state is known to lack it.
   * @param content content of the room's `m.room.power_levels` event, if it has one.
   */
  constructor(create: CreateFacts | undefined, content: JsonObject | undefined, rules: RoomVersionRules) {
    this.#create = create
    this.#content = content
    this.#rules = rules
  }

  /** A user's level: an integer, or infinite for the creators of a version 12 room. */
  userLevel(userId: string): number {
    const isCreator = this.#create !== undefined && isRoomCreator(this.#create, userId, this.#rules)
    if (isCreator && this.#rules.privilegedCreators) return PRIVILEGED_CREATOR_LEVEL
    if (this.#content === undefined) return isCreator ? CREATOR_LEVEL : DEFAULT_POWER_LEVELS.users_default
    const value = entryOf(this.#content, 'users', userId) ?? ownValue(this.#content, 'users_default')
    if (value === undefined) return DEFAULT_POWER_LEVELS.users_default
    return parsePowerLevel(value, this.#rules) ?? UNREADABLE_USER_LEVEL
  }

  /** The level needed to send events of a type; `isState` says whether the event has a state key. */
  eventLevel(type: string, isState: boolean): number {
    const value = this.#content && entryOf(this.#content, 'events', type)
    return value === undefined ? this.#named(isState ? 'state_default' : 'events_default') : this.#requirement(value)
  }

  /** The level needed to ban. */
  get ban(): number {
    return this.#named('ban')
  }

  /** The level needed to kick. */
  get kick(): number {
    return this.#named('kick')
  }

  /** The level needed to invite. */
  get invite(): number {
    return this.#named('invite')
  }

  /** The level needed to redact what others sent. */
  get redact(): number {
    return this.#named('redact')
  }

  /** The level needed to notify the whole room (`room`) or for another key of `notifications`. */
  notifications(key: string): number {
    const value = this.#content && entryOf(this.#content, 'notifications', key)
    return value === undefined ? DEFAULT_NOTIFICATION_LEVEL : this.#requirement(value)
  }

  #named(name: NamedPowerLevel): number {
    const value = this.#content && ownValue(this.#content, name)
    return value === undefined ? DEFAULT_POWER_LEVELS[name] : this.#requirement(value)
  }

  #requirement(value: JsonValue): number {
    return parsePowerLevel(value, this.#rules) ?? UNREADABLE_REQUIREMENT
  }
}

function entryOf(content: JsonObject, property: 'users' | 'events' | 'notifications', key: string): JsonValue | undefined {
  const entries = ownValue(content, property)
  return isJsonObject(entries) ? ownValue(entries, key) : undefined
}

/** An own property that is not null, which older versions treat as absent. Nothing is ever found on a prototype. */
function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined
}
