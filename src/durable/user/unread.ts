import { nowMs } from '../../runtime/clock.ts'
import { readRoomIdsBehind } from '../../storage/user/room-list.ts'
import type { UnreadItem } from '../room-news.ts'
import { memberProfile } from './profile.ts'
import type { Told } from './push/letterbox.ts'
import { actionsJson, countedBy, type PushReader } from './push/push-verdict.ts'
import { pushRulesetOf } from './push-rules.ts'
import { isSubscribedTo } from './thread-subscriptions.ts'
import { MAX_MARKS_PER_ROOM, type UnreadCounts, UnreadMarks } from './unread-marks.ts'
import type { UserCore } from './user-core.ts'

const MAIN_THREAD = 'main'
/** What moves marks: as the room says, or what it has left in the user's letterbox. */
export type TakenItem = UnreadItem | ({ readonly kind: 'told' } & Told)

/** Everything with `from < pos ≤` the head it comes with; in order of position. */
export interface TakenNews {
  readonly from: number
  readonly items: readonly TakenItem[]
}

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
  take(roomId: string, news: TakenNews | undefined, head: number): void {
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

  /** What decides which events count. */
  get reader(): PushReader {
    const core = this.#core
    const ignoredUsers = core.feedKeeper.ownData.ignoredUsers(core)
    return { userId: core.userId, ruleset: pushRulesetOf(core), displayName: memberProfile(core).displayname, ignoredUsers }
  }

  /** How many marks a room may get before old ones are forgotten. */
  spareMarks(roomId: string): number {
    return MAX_MARKS_PER_ROOM - this.#marks.count(roomId)
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
  #apply(roomId: string, item: TakenItem): boolean {
    switch (item.kind) {
      case 'event':
        return this.#applyEvent(roomId, item)
      case 'spoke':
        return item.sender === this.#core.userId && this.#marks.remove(roomId, ({ thread }) => thread === item.thread)
      case 'told':
        this.#marks.add(roomId, item.mark)
        this.#core.push.told(roomId, item)
        return true
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
    const counted = countedBy(this.reader, item, subscribedToThread(core, roomId, item.thread))
    if (counted === undefined) return false
    const { verdict, isEncrypted } = counted
    const { pos, eventId, thread } = item
    const ts = nowMs()
    this.#marks.add(roomId, { pos, eventId, thread, highlight: verdict.highlight, ts, actions: actionsJson(verdict.actions) })
    core.push.notify({ roomId, eventId, pos, isEncrypted, verdict, ts })
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

function sum(left: UnreadCounts, right: UnreadCounts): UnreadCounts {
  return { notifications: left.notifications + right.notifications, highlights: left.highlights + right.highlights }
}

/** Counts as clients see them. */
export function countsJson({ notifications, highlights }: UnreadCounts): string {
  return `{"notification_count":${notifications},"highlight_count":${highlights}}`
}
