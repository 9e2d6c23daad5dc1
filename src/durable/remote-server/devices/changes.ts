import { log } from '../../../runtime/log.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { deleteReaders, readersOf } from '../../../storage/remote-server/device-readers.ts'
import { roomsOfMember } from '../../../storage/remote-server/member-rooms.ts'
import { addUntoldChange, deleteUntoldChanges, untoldChanges } from '../../../storage/remote-server/untold-changes.ts'
import type { PeerOutbox } from '../../peers/peer-outbox.ts'
import {
  MAX_REMEMBERED_USERS,
  ROOMS_PER_TRANSACTION,
  ROOMS_PER_USER,
  TELLING_PERIOD_MS,
  TELLINGS_PER_SERVER,
  TELLINGS_PER_USER,
  UNTOLD_PER_RUN,
} from './limits.ts'
import type { DeviceParts } from './parts.ts'

/** `due` kind of telling what was held back. */
export const UNTOLD_DUE = 'untold'

/** Local users who share rooms with users of the other server, as far as rooms of few servers say. */
export type Sharing = ReadonlyMap<string, readonly string[]>

/**
 * Whom to tell that the devices of a user of the other server changed: whoever has asked for them since the last time (their clients rely on what they
 * were told), and everybody in the rooms that are known to have the user. Many changes within a short time are told together.
 */
export class Changes {
  readonly #parts: DeviceParts
  readonly #outbox: PeerOutbox
  /** Tellings of this period, by user. */
  readonly #told = new Map<string, number>()
  #toldInAll = 0
  #periodStart = Number.NEGATIVE_INFINITY

  constructor(parts: DeviceParts, outbox: PeerOutbox) {
    this.#parts = parts
    this.#outbox = outbox
    parts.due.handle(UNTOLD_DUE, () => this.#tellUntold())
  }

  /** Asks rooms who shares them with some users. A room that does not answer is left out: its members hear of the next change. */
  async sharing(userIds: Iterable<string>): Promise<Sharing> {
    const found = new Map<string, Set<string>>()
    let rooms = ROOMS_PER_TRANSACTION
    const questions: Promise<void>[] = []
    for (const userId of userIds) {
      const locals = new Set<string>()
      found.set(userId, locals)
      for (const roomId of roomsOfMember(this.#parts.store, userId, Math.min(rooms, ROOMS_PER_USER))) {
        rooms -= 1
        questions.push(this.#ask(roomId, userId, locals))
      }
    }
    await Promise.all(questions)
    return new Map([...found].map(([userId, locals]) => [userId, [...locals]]))
  }

  async #ask(roomId: string, userId: string, locals: Set<string>): Promise<void> {
    try {
      for (const local of await this.#parts.room(roomId).localsWith(userId)) locals.add(local)
    } catch (cause) {
      log.warn('a room did not say who shares it', cause)
    }
  }

  /** A user's devices changed. The caller holds the transaction, and delivers to the peers answered. */
  tell(userId: string, sharing: Sharing): readonly string[] {
    const { store, due, now } = this.#parts
    const readers = readersOf(store, userId)
    const peers = [...new Set([...readers, ...(sharing.get(userId) ?? [])])]
    if (peers.length === 0) return []
    if (!this.#mayTell(userId) || !this.#outbox.hasRoomFor(peers.length)) {
      addUntoldChange(store, userId)
      due.ensure(UNTOLD_DUE, '', now() + TELLING_PERIOD_MS)
      return []
    }
    this.#outbox.addForAll(peers, 'devices', JSON.stringify({ sender: userId }), false)
    if (readers.length > 0) deleteReaders(store, userId)
    return peers
  }

  #mayTell(userId: string): boolean {
    const now = this.#parts.now()
    if (now - this.#periodStart >= TELLING_PERIOD_MS || this.#told.size >= MAX_REMEMBERED_USERS) {
      this.#periodStart = now
      this.#told.clear()
      this.#toldInAll = 0
    }
    const count = this.#told.get(userId) ?? 0
    if (count >= TELLINGS_PER_USER || this.#toldInAll >= TELLINGS_PER_SERVER) return false
    this.#told.set(userId, count + 1)
    this.#toldInAll += 1
    return true
  }

  async #tellUntold(): Promise<DueResult> {
    const { store, now } = this.#parts
    const userIds = untoldChanges(store, UNTOLD_PER_RUN)
    const sharing = await this.sharing(userIds)
    const peers = new Set<string>()
    store.transaction(undefined, () => {
      deleteUntoldChanges(store, userIds)
      for (const userId of userIds) for (const peer of this.tell(userId, sharing)) peers.add(peer)
    })
    this.#outbox.deliver(peers)
    return untoldChanges(store, 1).length > 0 ? { again: now() + TELLING_PERIOD_MS } : 'done'
  }
}
