import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { evaluatePushRules, type PushVerdict } from '../../../matrix/push-rules/evaluate.ts'
import type { PushAction, PushRuleset } from '../../../matrix/push-rules/ruleset.ts'
import type { UnreadItem } from '../../room-news.ts'

/** An event of which a room tells its members. */
export type EventItem = Extract<UnreadItem, { kind: 'event' }>

/** What of a user decides which events count. */
export interface PushReader {
  readonly userId: string
  readonly ruleset: PushRuleset
  readonly displayName: string | undefined
  readonly ignoredUsers: readonly string[]
}

/** What a user's rules say of an event, where they say anything. */
export interface Counted {
  readonly verdict: PushVerdict
  readonly isEncrypted: boolean
}

/**
 * Applies a user's push rules to an event of somebody else; `undefined` where it does not count.
 * @param subscribedToThread `undefined` where the event is in no thread, or the server has no rules about it.
 */
export function countedBy(reader: PushReader, item: EventItem, subscribedToThread: boolean | undefined): Counted | undefined {
  if (reader.ignoredUsers.includes(item.sender)) return undefined
  const { event, shared } = look(item)
  if (event === undefined) return undefined
  const verdict = evaluatePushRules(reader.ruleset, event, {
    userId: reader.userId,
    displayName: reader.displayName,
    memberCount: item.memberCount,
    subscribedToThread,
    shared,
    powerLevels: {
      userLevel: () => item.senderLevel,
      notifications: (key) => (key === 'room' ? item.notifyRoomLevel : Number.POSITIVE_INFINITY),
    },
  })
  return verdict.notify ? { verdict, isEncrypted: event.type === 'm.room.encrypted' } : undefined
}

/** An event, and what rules that are the same for everybody say of it. */
interface Looked {
  readonly item: EventItem
  readonly event: JsonObject | undefined
  readonly shared: Map<object, boolean>
}

/** The event that was looked at last: a message to many is looked at once for each member, one after the other. Nobody changes it. */
let latest: Looked | undefined

function look(item: EventItem): Looked {
  if (latest === undefined || !saysTheSame(latest.item, item)) {
    const event: unknown = JSON.parse(item.event)
    latest = { item, event: isJsonObject(event) ? event : undefined, shared: new Map() }
  }
  return latest
}

function saysTheSame(one: EventItem, other: EventItem): boolean {
  if (one === other) return true
  const isSameRoom = one.memberCount === other.memberCount && one.senderLevel === other.senderLevel
  return isSameRoom && one.notifyRoomLevel === other.notifyRoomLevel && one.event === other.event
}

const texts = new WeakMap<readonly PushAction[], string>()

/** The actions of a rule as JSON; made once, because every event that counts has those of a few rules. */
export function actionsJson(actions: readonly PushAction[]): string {
  let text = texts.get(actions)
  if (text === undefined) {
    text = JSON.stringify(actions)
    texts.set(actions, text)
  }
  return text
}
