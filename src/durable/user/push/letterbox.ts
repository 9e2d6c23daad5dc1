import type { PushGateways, PushMessage, SentPush } from '../../../federation/outbound/push/push-gateways.ts'
import type { PushVerdict } from '../../../matrix/push-rules/evaluate.ts'
import { tweaksOf } from '../../../matrix/push-rules/tweaks.ts'
import type { Pusher } from '../../../storage/user/pushers.ts'
import type { UnreadMark } from '../../../storage/user/unread-marks.ts'
import type { Letter, Letterbox } from '../../letterboxes.ts'
import type { RoomFacts, UnreadItem } from '../../room-news.ts'
import { namingMessage } from './push-message.ts'
import { actionsJson, type Counted, countedBy, type EventItem, type PushReader } from './push-verdict.ts'

/** Notifications that lie in one box; then the room rings. */
const MAX_TOLD = 128
/** A box that has been out for longer is not used any more: what lies in it waits for the room to settle. */
const MAX_OUT_MS = 10 * 60_000

/** An event of which the user's phones were told when it was left. */
export interface Told {
  readonly pos: number
  readonly mark: UnreadMark
  readonly isEncrypted: boolean
  readonly verdict: PushVerdict
  /** How much was unread with it. */
  readonly badge: number
  /** What became of it, by pusher. */
  readonly sent: ReadonlyMap<Pusher, SentPush>
}

/** What one room has left. */
export interface RoomLetters {
  readonly generation: string
  /** Where the user was when the box was put out. */
  readonly from: number
  /** Up to here the user has heard everything, with what lies here. */
  head: number
  /** What the room said of itself last. */
  facts: RoomFacts | undefined
  readonly told: Told[]
  /** Notifications that may lie here before older marks would have to be forgotten. */
  spare: number
  readonly durablePos: number
}

/** What a box is made of. */
export interface LetterboxParts {
  readonly reader: PushReader
  /** The user's pushers: all of them want events to be named only. */
  readonly pushers: readonly Pusher[]
  readonly gateways: PushGateways
  /** How much is unread in all rooms. */
  readonly badge: number
  readonly rooms: ReadonlyMap<string, RoomLetters>
  /** Thread subscriptions decide what counts, which only the account knows. */
  readonly threadsCount: boolean
  readonly nowMs: number
}

/** The letterbox of a user with pushers. */
export class UserLetterbox implements Letterbox {
  readonly rooms: ReadonlyMap<string, RoomLetters>
  /** When something was left last; 0: nothing was. */
  lastMs = 0
  readonly #parts: LetterboxParts
  #badge: number
  #count = 0
  #latest: Told | undefined

  constructor(parts: LetterboxParts) {
    this.#parts = parts
    this.rooms = parts.rooms
    this.#badge = parts.badge
  }

  leave(letter: Letter, stayFor: (work: Promise<void>) => void): boolean {
    const { nowMs, roomId } = letter
    const { nowMs: outSinceMs, reader, threadsCount } = this.#parts
    const room = this.rooms.get(roomId)
    if (room?.generation !== letter.generation || letter.head < room.head || nowMs - outSinceMs > MAX_OUT_MS) return false
    if (this.#isRefused()) return false
    const news = letter.newsAbove(room.head)
    if (news.from > room.head) return false
    const counted: [EventItem, Counted][] = []
    for (const item of news.items) {
      if (item.pos <= room.head) continue
      if (mayTakeAway(item, reader.userId) || item.kind !== 'event') return false
      if (threadsCount && item.thread !== 'main') return false
      const verdict = countedBy(reader, item, undefined)
      if (verdict !== undefined) counted.push([item, verdict])
    }
    if (this.#count + counted.length > MAX_TOLD || counted.length > room.spare) return false
    for (const [item, verdict] of counted) room.told.push(this.#tell(roomId, item, verdict, nowMs, stayFor))
    room.spare -= counted.length
    this.#count += counted.length
    room.head = letter.head
    room.facts = letter.facts
    this.lastMs = nowMs
    return true
  }

  durablePos(roomId: string, generation: string): number {
    const room = this.rooms.get(roomId)
    return room?.generation === generation ? room.durablePos : 0
  }

  #tell(
    roomId: string,
    { pos, eventId, thread }: EventItem,
    { verdict, isEncrypted }: Counted,
    ts: number,
    stayFor: (work: Promise<void>) => void,
  ): Told {
    this.#badge += 1
    const badge = this.#badge
    const high = isEncrypted || tweaksOf(verdict.actions).isLoud
    const sent = new Map<Pusher, SentPush>()
    for (const pusher of this.#parts.pushers) {
      const message: PushMessage = namingMessage(pusher, { roomId, eventId, high }, badge)
      const posted = this.#parts.gateways.post(message)
      sent.set(pusher, posted.sent)
      if (posted.work !== undefined) stayFor(posted.work)
    }
    const mark = { pos, eventId, thread, highlight: verdict.highlight, ts, actions: actionsJson(verdict.actions) }
    this.#latest = { pos, mark, isEncrypted, verdict, badge, sent }
    return this.#latest
  }

  /** A gateway did not take what it was told last: what to do about that is the account's to say. */
  #isRefused(): boolean {
    if (this.#latest === undefined) return false
    for (const { verdict } of this.#latest.sent.values()) if (verdict === 'failed' || verdict === 'rejected') return true
    return false
  }
}

/** Whether an item may make less unread: that is the account's to say. */
function mayTakeAway(item: UnreadItem, userId: string): boolean {
  return item.kind === 'redaction' || item.kind === 'receipt' || item.sender === userId
}
