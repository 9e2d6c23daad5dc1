import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import { evaluatePushRules } from '../../matrix/push-rules/evaluate.ts'
import type { PushAction } from '../../matrix/push-rules/ruleset.ts'
import { nowMs } from '../../runtime/clock.ts'
import { readRoomIdsBehind } from '../../storage/user/room-list.ts'
import type { UnreadItem, UnreadNews } from '../room-news.ts'
import { memberProfile } from './profile.ts'
import { pushRulesetOf } from './push-rules.ts'
import { isSubscribedTo } from './thread-subscriptions.ts'
import { type UnreadCounts, UnreadMarks } from './unread-marks.ts'
import type { UserCore } from './user-core.ts'

const MAIN_THREAD = 'main'
const NOTHING: UnreadCounts = { notifications: 0, highlights: 0 }

/**
 * What the user has not read (docs/design/unread.md): rooms tell what happened, this user's push rules say what of it counts, and the user's receipts take
 * it away again. In memory, written with the feed, no commit of its own.
 */
export class Unread {
  readonly #core: UserCore
  readonly #marks: UnreadMarks
  #behind: Set<string> | undefined

  constructor(core: UserCore) {
    this.#core = core
    this.#marks = new UnreadMarks(core.store)
    core.feedKeeper.riders.push(this.#marks)
  }

  /** Joined rooms whose marks are not right up to where the room is known to be. They are to be asked. */
  get behind(): ReadonlySet<string> {
    return this.#behindSet()
  }

  /** The user came or went, or positions of the room start over: nothing counts any more. Where marks then start is in the row. */
  reset(roomId: string): void {
    if (this.#marks.remove(roomId, () => true)) this.#core.push.badgeFell()
    this.#noteBehind(roomId)
  }

  /**
   * Takes what a room says has happened up to a position. With a gap before it, or without knowing what, the room is behind. The room's feed entry
   * must cover the position already.
   */
  take(roomId: string, news: UnreadNews | undefined, head: number): void {
    const { rooms } = this.#core.feedKeeper.feed
    const row = rooms.find(roomId)
    if (row?.membership === 'join' && news !== undefined && news.from <= row.unreadPos && head > row.unreadPos) {
      let changed = false
      const { push } = this.#core
      const badge = push.any ? this.badge : 0
      for (const item of news.items) if (item.pos > row.unreadPos && this.#apply(roomId, item)) changed = true
      if (push.any && this.badge < badge) push.badgeFell()
      const unreadSeq = changed ? this.#core.feedKeeper.feed.touch(row) : row.unreadSeq
      rooms.set({ ...(rooms.find(roomId) ?? row), unreadPos: head, unreadSeq })
    }
    this.#noteBehind(roomId)
  }

  /** How much is unread in all rooms. */
  get badge(): number {
    return this.#marks.total
  }

  /** Whether an event counts as unread. */
  isUnread(roomId: string, eventId: string): boolean {
    return this.#marks.has(roomId, eventId)
  }

  /** Counts over the whole room. */
  total(roomId: string): UnreadCounts {
    let total = NOTHING
    for (const counts of this.#marks.countByThread(roomId).values()) total = sum(total, counts)
    return total
  }

  /** Counts of the main timeline, and of each thread with anything unread by the event ID of its root. */
  byThread(roomId: string): { readonly main: UnreadCounts; readonly threads: ReadonlyMap<string, UnreadCounts> } {
    const threads = new Map(this.#marks.countByThread(roomId))
    const main = threads.get(MAIN_THREAD) ?? NOTHING
    threads.delete(MAIN_THREAD)
    return { main, threads }
  }

  /** Answers whether marks have changed. */
  #apply(roomId: string, item: UnreadItem): boolean {
    switch (item.kind) {
      case 'event':
        return this.#applyEvent(roomId, item)
      case 'spoke':
        return item.sender === this.#core.userId && this.#marks.remove(roomId, ({ thread }) => thread === item.thread)
      case 'redaction':
        return this.#marks.remove(roomId, ({ eventId }) => eventId === item.eventId)
      case 'receipt':
        return this.#marks.remove(roomId, ({ pos, thread }) => pos <= item.upTo && (item.thread === '' || item.thread === thread))
    }
  }

  #applyEvent(roomId: string, item: Extract<UnreadItem, { kind: 'event' }>): boolean {
    const core = this.#core
    if (item.sender === core.userId) {
      // Whoever says something has read what came before (client-server-api#marking-notifications-as-read).
      return !item.isState && this.#marks.remove(roomId, ({ thread }) => thread === item.thread)
    }
    if (core.feedKeeper.ownData.ignoredUsers(core).includes(item.sender)) return false
    const event = parseEvent(item.event)
    if (event === undefined) return false
    const verdict = evaluatePushRules(pushRulesetOf(core), event, {
      userId: core.userId,
      displayName: memberProfile(core).displayname,
      memberCount: item.memberCount,
      subscribedToThread: subscribedToThread(core, roomId, item.thread),
      powerLevels: {
        userLevel: () => item.senderLevel,
        notifications: (key) => (key === 'room' ? item.notifyRoomLevel : Number.POSITIVE_INFINITY),
      },
    })
    if (!verdict.notify) return false
    const { pos, eventId, thread } = item
    const ts = nowMs()
    this.#marks.add(roomId, { pos, eventId, thread, highlight: verdict.highlight, ts, actions: actionsJson(verdict.actions) })
    core.push.notify({ roomId, eventId, pos, isEncrypted: event.type === 'm.room.encrypted', verdict, ts })
    return true
  }

  #noteBehind(roomId: string): void {
    const row = this.#core.feedKeeper.feed.rooms.find(roomId)
    if (row !== undefined && row.membership === 'join' && row.unreadPos < row.lastPos) this.#behindSet().add(roomId)
    else this.#behindSet().delete(roomId)
  }

  #behindSet(): Set<string> {
    this.#behind ??= new Set(readRoomIdsBehind(this.#core.store))
    return this.#behind
  }
}

/** Whether the user is subscribed to the thread of an event; `undefined` where it is in none, or the server has no rules about it. */
function subscribedToThread(core: UserCore, roomId: string, thread: string): boolean | undefined {
  return thread === MAIN_THREAD || !core.config.threadSubscriptions ? undefined : isSubscribedTo(core, { roomId, root: thread })
}

/** The event that was looked at last: a message to many is looked at once for each member, one after the other. Nobody changes it. */
let latest: { readonly text: string; readonly event: JsonObject | undefined } | undefined

function parseEvent(text: string): JsonObject | undefined {
  if (latest?.text !== text) {
    const event: unknown = JSON.parse(text)
    latest = { text, event: isJsonObject(event) ? event : undefined }
  }
  return latest.event
}

const texts = new WeakMap<readonly PushAction[], string>()

/** The actions of a rule as JSON; made once, because every event that counts has those of a few rules. */
function actionsJson(actions: readonly PushAction[]): string {
  let text = texts.get(actions)
  if (text === undefined) {
    text = JSON.stringify(actions)
    texts.set(actions, text)
  }
  return text
}

function sum(left: UnreadCounts, right: UnreadCounts): UnreadCounts {
  return { notifications: left.notifications + right.notifications, highlights: left.highlights + right.highlights }
}

/** Counts as clients see them. */
export function countsJson({ notifications, highlights }: UnreadCounts): string {
  return `{"notification_count":${notifications},"highlight_count":${highlights}}`
}
