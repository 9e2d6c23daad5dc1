import { forbidden } from '../../matrix/errors.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import type { Caller } from '../protocol.ts'
import type { UnreadReply } from '../room-news.ts'
import type { EphemeralReads } from './ephemeral-reads.ts'
import { type MarkerMovement, type MarkerOutcome, type ReceiptRequest, Receipts } from './ephemeral-receipts.ts'
import { Typing } from './ephemeral-typing.ts'
import type { FanOut } from './fan-out.ts'
import { mayReport, type RemoteEphemeral, type RemoteReceipt, type RemoteTyping } from './federation/remote-ephemeral.ts'
import { isServerAllowed } from './federation/server-access.ts'
import type { RoomCore } from './room-core.ts'
import { unreadSince } from './unread-items.ts'

/** How long somebody of another server types who does not say that they go on, in milliseconds. */
const REMOTE_TYPING_MS = 60_000

/** What became of a request to set receipts. */
export interface ReceiptsOutcome {
  readonly marker: MarkerOutcome | undefined
}

/**
 * What a room tells its members without making it part of its history: who is typing, who has read how far. Both take positions like events do,
 * from the reserved block, and travel in the same windows. Typing lives in memory only; receipts are written lazily.
 */
export class Ephemeral implements EphemeralReads {
  readonly #core: RoomCore
  readonly #typing: Typing
  readonly #receipts: Receipts

  /** @param elsewhere tells other servers; absent in tests that have none. */
  constructor(core: RoomCore, fanOut: FanOut, elsewhere?: RemoteEphemeral) {
    this.#core = core
    this.#typing = new Typing(core, fanOut, (userId, isTyping) => elsewhere?.typing(userId, isTyping))
    this.#receipts = new Receipts(core, fanOut, (receipt) => elsewhere?.receipt(receipt))
  }

  /** `PUT /rooms/{roomId}/typing/{userId}`: the caller types for so many milliseconds; 0: has stopped. @throws M_FORBIDDEN outside the room. */
  setTyping(caller: Caller, timeoutMs: number): void {
    this.#requireJoined(caller)
    this.#typing.set(caller.userId, timeoutMs)
  }

  /** `POST /rooms/{roomId}/receipt/…` and `/read_markers`. @throws M_FORBIDDEN outside the room; M_INVALID_PARAM for an event of another thread. */
  setReceipts(caller: Caller, receipts: readonly ReceiptRequest[], marker: MarkerMovement | undefined): ReceiptsOutcome {
    this.#requireJoined(caller)
    this.#receipts.set(caller, receipts)
    return { marker: marker === undefined ? undefined : this.#receipts.judgeMarker(marker) }
  }

  /** Another server reports who types there; whoever may not is left out (SECURITY D1, D2, F15). */
  remoteTyping(serverName: string, changes: readonly RemoteTyping[]): void {
    if (!this.#mayReport(serverName)) return
    for (const { userId, typing } of changes) {
      if (mayReport(this.#core, serverName, userId)) this.#typing.set(userId, typing ? REMOTE_TYPING_MS : 0)
    }
  }

  /** Another server reports how far its users have read; whoever may not is left out. */
  remoteReceipts(serverName: string, receipts: readonly RemoteReceipt[]): void {
    if (!this.#mayReport(serverName)) return
    this.#receipts.setRemote(receipts.filter(({ userId }) => mayReport(this.#core, serverName, userId)))
  }

  #mayReport(serverName: string): boolean {
    return this.#core.findHead()?.life === 'active' && this.#core.members.hasLocalJoined() && isServerAllowed(this.#core, serverName)
  }

  /** Events have come that receipts may have waited for. */
  eventsCame(appended: readonly StoredEvent[]): void {
    this.#receipts.eventsCame(appended)
  }

  /** A user joined or left: who is gone does not type. To be called before members are rung for the commit. */
  memberChanged(userId: string): void {
    if (this.#core.members.find(userId)?.membership !== 'join') this.#typing.forget(userId)
  }

  typingContent(afterPos: number, toPos: number, ignoredUsers: readonly string[] = []): string | undefined {
    return this.#typing.content(afterPos, toPos, ignoredUsers)
  }

  receiptsContent(readerId: string, afterPos: number | null, toPos: number, ignoredUsers: readonly string[]): string | undefined {
    return this.#receipts.content(readerId, afterPos, toPos, ignoredUsers)
  }

  /** What moves a member's unread marks above a position. */
  unreadSince(userId: string, from: number): UnreadReply {
    return unreadSince(this.#core, userId, from, this.#receipts.unwritten)
  }

  #requireJoined(caller: Caller): void {
    // `head` refuses where there is no room.
    this.#core.roomId
    if (this.#core.members.find(caller.userId)?.membership !== 'join') throw forbidden('You are not in this room')
  }
}
