import { compileGlob } from '../glob.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { PowerLevels } from '../power-levels.ts'
import { parsePropertyPath, valueAt } from '../property-path.ts'
import type { PushCondition } from './ruleset.ts'

/** What conditions look at besides the event. */
export interface PushContext {
  /** Whose rules are evaluated. */
  readonly userId: string
  /** The user's display name in the room, for rules made by older clients. */
  readonly displayName?: string | undefined
  /** Joined members of the room. */
  readonly memberCount: number
  /** The room's power levels; without them nobody may notify the whole room. */
  readonly powerLevels?: Pick<PowerLevels, 'userLevel' | 'notifications'> | undefined
  /** Whether the user is subscribed to the thread that the event is in (MSC4306); `undefined` where it is in none. */
  readonly subscribedToThread?: boolean | undefined
  /**
   * What the server's rules say that are the same for everybody. Whoever evaluates one event for many users passes the same map, as long as the event, the number of
   * members and the power levels are the same.
   */
  readonly shared?: Map<object, boolean> | undefined
}

/** A condition that is ready to be asked about an event in client format. */
export type ConditionTest = (event: JsonObject, context: PushContext) => boolean

const NEVER: ConditionTest = () => false

/** Prepares a condition (client-server-api#conditions-1). Unknown kinds and malformed parameters give one that never holds. */
export function compileCondition(condition: PushCondition): ConditionTest {
  switch (condition.kind) {
    case 'event_match':
      return compileEventMatch(condition.key, condition.pattern)
    case 'event_property_is':
      return compilePropertyIs(condition.key, condition.value)
    case 'event_property_contains':
      return compilePropertyContains(condition.key, condition.value)
    case 'room_member_count':
      return compileMemberCount(condition.is)
    case 'sender_notification_permission':
      return compileNotificationPermission(condition.key)
    case 'contains_display_name':
      return containsDisplayName
    case 'io.element.msc4306.thread_subscription':
      return compileThreadSubscription(condition.subscribed)
    default:
      return NEVER
  }
}

/** A glob on a string property, case-insensitive; on `content.body` for any run of whole words. */
export function compileEventMatch(key: JsonValue | undefined, pattern: JsonValue | undefined): ConditionTest {
  if (typeof key !== 'string' || typeof pattern !== 'string') return NEVER
  const names = parsePropertyPath(key)
  const matches = compileGlob(pattern, { ignoreCase: true, wholeWords: key === 'content.body' })
  return (event) => {
    const value = valueAt(event, names)
    return typeof value === 'string' && matches(value)
  }
}

function compilePropertyIs(key: JsonValue | undefined, wanted: JsonValue | undefined): ConditionTest {
  if (typeof key !== 'string' || !isScalar(wanted)) return NEVER
  const names = parsePropertyPath(key)
  return (event) => valueAt(event, names) === wanted
}

function compilePropertyContains(key: JsonValue | undefined, wanted: JsonValue | undefined): ConditionTest {
  if (typeof key !== 'string' || !isScalar(wanted)) return NEVER
  const names = parsePropertyPath(key)
  return (event) => {
    const value = valueAt(event, names)
    return Array.isArray(value) && value.includes(wanted)
  }
}

/** Strings, integers, booleans and null: what the exact conditions compare. */
function isScalar(value: JsonValue | undefined): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
}

const COUNT = /^(==|<=|>=|<|>)?([0-9]{1,9})$/

function compileMemberCount(is: JsonValue | undefined): ConditionTest {
  const [, comparison = '==', digits] = (typeof is === 'string' ? COUNT.exec(is) : null) ?? []
  if (digits === undefined) return NEVER
  const limit = Number(digits)
  switch (comparison) {
    case '<':
      return (_event, { memberCount }) => memberCount < limit
    case '<=':
      return (_event, { memberCount }) => memberCount <= limit
    case '>':
      return (_event, { memberCount }) => memberCount > limit
    case '>=':
      return (_event, { memberCount }) => memberCount >= limit
    default:
      return (_event, { memberCount }) => memberCount === limit
  }
}

function compileNotificationPermission(key: JsonValue | undefined): ConditionTest {
  if (typeof key !== 'string') return NEVER
  return ({ sender }, { powerLevels }) =>
    powerLevels !== undefined && typeof sender === 'string' && powerLevels.userLevel(sender) >= powerLevels.notifications(key)
}

function compileThreadSubscription(wanted: JsonValue | undefined): ConditionTest {
  return typeof wanted === 'boolean' ? (_event, { subscribedToThread }) => subscribedToThread === wanted : NEVER
}

const BODY = ['content', 'body']

function containsDisplayName(event: JsonObject, { displayName }: PushContext): boolean {
  const body = valueAt(event, BODY)
  if (typeof body !== 'string' || displayName === undefined || displayName === '') return false
  return compileGlob(displayName, { ignoreCase: true, wholeWords: true, wildcards: 'none' })(body)
}
