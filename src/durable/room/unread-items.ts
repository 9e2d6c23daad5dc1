import { isJsonObject } from '../../matrix/json.ts'
import { relationOf } from '../../matrix/relations.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import { ORD_STEP } from '../../storage/room/limits.ts'
import { type Receipt, readReceiptsOf } from '../../storage/room/receipts.ts'
import { readOriginalContent } from '../../storage/room/redacted-originals.ts'
import type { UnreadItem, UnreadNews, UnreadReply } from '../room-news.ts'
import { MAIN_THREAD } from './ephemeral-threads.ts'
import { Visibility } from './read/visibility.ts'
import type { RoomCore } from './room-core.ts'

/** Items kept for hints that are under way, and their characters; whoever is further behind asks. */
const MAX_RECENT_ITEMS = 128
const MAX_RECENT_CHARS = 128 * 1024
/** Longest event that a hint carries, in characters. */
const MAX_EVENT_CHARS = 8 * 1024
/** Events that one question is answered with: the latest. A member has at most as many marks in a room. */
export const MAX_UNREAD_EVENTS = 1_000
/** Events looked at for one question. */
const MAX_LOOKED_AT = 5_000
const MAX_REPLY_CHARS = 4 * 1024 * 1024
/** Relations followed from an event to find its thread, as the specification recommends. */
const MAX_HOPS = 3

/** An item, and the one member that it is for; absent: everybody. */
interface Recent {
  readonly item: UnreadItem
  readonly userId: string | undefined
  readonly chars: number
}

/** What moves members' unread marks, kept until every hint that carries it has been answered. */
export class RecentUnread {
  readonly #core: RoomCore
  #recent: Recent[] = []
  #chars = 0
  /** Everything above is in the list. */
  #from: number | undefined
  /** What the last member was told, while it is the same for all who are as far. */
  #shared: UnreadNews | undefined

  constructor(core: RoomCore) {
    this.#core = core
  }

  /** Events were committed. */
  committed(appended: readonly StoredEvent[]): void {
    this.#start()
    for (const event of appended) {
      for (const item of itemsOf(this.#core, event))
        this.#add({ item, userId: undefined, chars: item.kind === 'event' ? item.event.length : 0 })
    }
  }

  /** A member's receipt moved to an event. */
  receipt(receipt: Receipt, ord: number): void {
    this.#start()
    this.#add({ item: receiptItem(receipt, ord), userId: receipt.userId, chars: 0 })
  }

  /** What a member should hear who has evaluated everything up to a position. */
  since(userId: string, position: number): UnreadNews {
    const from = Math.max(position, this.#start())
    // Most members hear the same.
    if (this.#shared?.from === from) return this.#shared
    const news = this.#select(userId, from)
    if (this.#recent.every(({ userId: only }) => only === undefined)) this.#shared = news
    return news
  }

  #select(userId: string, from: number): UnreadNews {
    const items = this.#recent.flatMap(({ item, userId: only }) =>
      item.pos > from && (only === undefined || only === userId) ? [item] : [],
    )
    return { from, items }
  }

  /** Nobody is being told of anything: whoever was not reached asks. */
  clear(): void {
    if (this.#recent.length === 0) return
    this.#shared = undefined
    this.#recent = []
    this.#chars = 0
    this.#from = this.#core.lastPos
  }

  /** A life of the object starts where its database was. */
  #start(): number {
    this.#from ??= this.#core.loadedPos
    return this.#from
  }

  #add(recent: Recent): void {
    this.#shared = undefined
    this.#recent.push(recent)
    this.#chars += recent.chars
    const isLong = recent.chars > MAX_EVENT_CHARS
    while (this.#recent.length > MAX_RECENT_ITEMS || this.#chars > MAX_RECENT_CHARS || (isLong && this.#recent.length > 0)) {
      const dropped = this.#recent.shift()
      if (dropped === undefined) return
      this.#chars -= dropped.chars
      this.#from = dropped.item.pos
    }
  }
}

/** What moves a member's marks above a position, from the database: at most the latest {@link MAX_UNREAD_EVENTS} events, and the receipts. */
export function unreadSince(core: RoomCore, userId: string, from: number, unwritten: Iterable<readonly [string, Receipt]>): UnreadReply {
  const { generation } = core.head
  const head = core.lastPos
  if (from >= head || core.members.find(userId)?.membership !== 'join') return { generation, head, from, items: [] }
  const visibility = new Visibility(core, userId)
  const events: UnreadItem[][] = []
  let beforeOrd = Number.MAX_SAFE_INTEGER
  let chars = 0
  for (let looked = 0; looked < MAX_LOOKED_AT && events.length < MAX_UNREAD_EVENTS && chars < MAX_REPLY_CHARS; ) {
    const page = core.events.page('backwards', from * ORD_STEP, beforeOrd, 64)
    if (page.length === 0) break
    for (const event of page) {
      beforeOrd = event.ord ?? beforeOrd
      if (event.pos === undefined || event.pos <= from || !visibility.mayRead(event)) continue
      events.push(itemsOf(core, event))
      chars += event.content.length
    }
    looked += page.length
  }
  const receipts = new Map<string, Receipt>()
  for (const receipt of readReceiptsOf(core.store, userId, from)) receipts.set(`${receipt.kind} ${receipt.thread}`, receipt)
  for (const [, receipt] of unwritten) {
    if (receipt.userId === userId && receipt.pos > from) receipts.set(`${receipt.kind} ${receipt.thread}`, receipt)
  }
  const moved = [...receipts.values()].flatMap((receipt) => {
    const ord = core.events.findById(receipt.eventId)?.ord
    return ord === undefined ? [] : [receiptItem(receipt, ord)]
  })
  return { generation, head, from, items: [...events.reverse().flat(), ...moved].sort((left, right) => left.pos - right.pos) }
}

function receiptItem({ pos, thread }: Receipt, ord: number): UnreadItem {
  return { kind: 'receipt', pos, thread, upTo: Math.floor(ord / ORD_STEP) }
}

/** What one event does to marks. An event that has been redacted since counts for nobody. */
function itemsOf(core: RoomCore, event: StoredEvent): UnreadItem[] {
  const { pos } = event
  if (pos === undefined || event.status !== 'accepted') return []
  const redacted = redactedBy(core, event, pos)
  const current = core.events.get(event.nid)
  if (current.redactedBy !== undefined) {
    const spoke: UnreadItem = { kind: 'spoke', pos, sender: event.sender, thread: threadOf(core, event, true) }
    return event.stateKey === undefined ? [spoke, ...redacted] : redacted
  }
  const roomId = JSON.stringify(core.roomId)
  const stateKey = event.stateKey === undefined ? '' : `,"state_key":${JSON.stringify(event.stateKey)}`
  const json =
    `{"room_id":${roomId},"event_id":${JSON.stringify(event.eventId)},"type":${JSON.stringify(event.type)},"sender":${JSON.stringify(event.sender)},` +
    `"origin_server_ts":${event.originServerTs},"content":${event.content}${stateKey}}`
  const levels = core.powerLevels()
  const item: UnreadItem = {
    ...{ kind: 'event', pos, eventId: event.eventId, sender: event.sender, thread: threadOf(core, event, true), event: json },
    isState: event.stateKey !== undefined,
    memberCount: core.facts.joinedCount(),
    senderLevel: levels.userLevel(event.sender),
    notifyRoomLevel: levels.notifications('room'),
  }
  return [item, ...redacted]
}

function redactedBy(core: RoomCore, event: StoredEvent, pos: number): UnreadItem[] {
  if (event.type !== 'm.room.redaction') return []
  const target = core.roomEvent(event, core.roomId).redacts
  const isApplied = target !== undefined && core.events.findById(target)?.redactedBy === event.nid
  return isApplied ? [{ kind: 'redaction', pos, eventId: target }] : []
}

/**
 * The thread in which an event counts: that of the event, or of what it is related to (client-server-api#marking-notifications-as-read).
 * @param asSent before redactions took away what events were related to.
 */
export function threadOf(core: RoomCore, event: StoredEvent, asSent = false): string {
  let current: StoredEvent | undefined = event
  for (let hop = 0; hop <= MAX_HOPS && current !== undefined; hop += 1) {
    const original: string | undefined =
      asSent && current.redactedBy !== undefined ? readOriginalContent(core.store, current.nid) : undefined
    if (!(original ?? current.content).includes('"m.relates_to"')) return MAIN_THREAD
    const content: unknown = original === undefined ? core.roomEvent(current, core.roomId).content : JSON.parse(original)
    const relation = isJsonObject(content) ? relationOf(content) : undefined
    if (relation?.relType === 'm.thread') return relation.eventId
    current = relation === undefined ? undefined : core.events.findById(relation.eventId)
  }
  return MAIN_THREAD
}
