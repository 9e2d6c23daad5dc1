import type { ObjectStore } from '../../../storage/object-store.ts'
import { readPeerPosition, writePeerPosition } from '../../../storage/peers/positions.ts'
import { readDeviceListChanges, writeDeviceListChange } from '../../../storage/user/device-lists.ts'
import {
  countToDevice,
  deleteToDeviceUpTo,
  highestInboxId,
  insertToDevice,
  readToDevice,
  type ToDeviceRow,
  trimToDevice,
  writeInboxHead,
} from '../../../storage/user/to-device.ts'
import { ClockIds } from '../../peers/clock-ids.ts'
import type { FlushRider } from '../feed-keeper.ts'

/** Messages that wait for one device. Of a device that never comes back the oldest are dropped. */
export const MAX_QUEUED_MESSAGES = 10_000
/** Entries in memory that make a flush urgent. */
const MAX_UNFLUSHED = 1_000

/**
 * What this user's devices are told outside rooms, and whose device lists changed (docs/design/to-device.md): kept in memory, written together with the
 * feed. Entries have ascending IDs, which tokens carry. Synchronous throughout. The store must hold the account's schema.
 */
export class Inbox implements FlushRider {
  readonly #store: ObjectStore
  #idsOfLife: ClockIds | undefined
  /** Every ID of earlier lives that is in the database is at or below this one, every ID of this life above. */
  #start = 0
  /** Messages that are not in the database, by device, ascending. */
  readonly #messages = new Map<string, ToDeviceRow[]>()
  /** Changes that are not in the database. */
  readonly #changes = new Map<string, number>()
  /** Items taken from senders' outboxes since the last flush. */
  readonly #accepted = new Map<string, number>()
  /** Up to where devices have acknowledged, as far as this life knows, and whose acknowledged rows are still there. */
  readonly #acknowledged = new Map<string, number>()
  readonly #deletable = new Set<string>()
  /** Nothing above is in the database. */
  #durableMessages = 0
  #durableChanges = 0

  constructor(store: ObjectStore) {
    this.#store = store
  }

  get #ids(): ClockIds {
    if (this.#idsOfLife === undefined) {
      this.#start = highestInboxId(this.#store)
      this.#durableMessages = this.#start
      this.#durableChanges = this.#start
      this.#idsOfLife = new ClockIds(this.#start)
    }
    return this.#idsOfLife
  }

  /** The latest entry. */
  get head(): number {
    return this.#ids.last
  }

  /** What a token's position means now: IDs that an earlier life handed out and never wrote mean nothing. */
  resolve(position: number, isOfThisLife: boolean): number {
    const { last } = this.#ids
    return Math.min(position, isOfThisLife ? last : this.#start)
  }

  /** Up to which item of a sender's outbox everything has been taken. */
  acceptedFrom(sender: string): number {
    return this.#accepted.get(sender) ?? readPeerPosition(this.#store, sender)
  }

  /** Up to which item of a sender's outbox everything is in the database. */
  durableFrom(sender: string): number {
    return readPeerPosition(this.#store, sender)
  }

  /** Everything of a sender's outbox up to an item has been taken. */
  accept(sender: string, id: number): void {
    this.#accepted.set(sender, id)
  }

  /** Takes a message in memory. */
  add(deviceId: string, event: string): void {
    const messages = this.#messages.get(deviceId)
    const row = { id: this.#ids.next(), deviceId, event }
    if (messages === undefined) this.#messages.set(deviceId, [row])
    else messages.push(row)
  }

  /** Takes the news that a user's devices changed in memory. */
  addChange(userId: string): void {
    this.#changes.set(userId, this.#ids.next())
  }

  /** Writes a message at once. The caller holds the transaction. */
  writeMessage(deviceId: string, event: string): void {
    const id = this.#ids.next()
    insertToDevice(this.#store, { id, deviceId, event })
    this.#trim(deviceId)
    this.#durableMessages = id
  }

  #trim(deviceId: string): void {
    if (countToDevice(this.#store, deviceId) > MAX_QUEUED_MESSAGES) trimToDevice(this.#store, deviceId, MAX_QUEUED_MESSAGES)
  }

  /** Writes the news that a user's devices changed at once. The caller holds the transaction. */
  writeChange(userId: string): void {
    const id = this.#ids.next()
    writeDeviceListChange(this.#store, userId, id)
    this.#changes.delete(userId)
    this.#durableChanges = id
  }

  /** Messages for a device above a position, oldest first. */
  messages(deviceId: string, position: number, limit: number): ToDeviceRow[] {
    const after = Math.max(position, this.#acknowledged.get(deviceId) ?? 0)
    const { last } = this.#ids
    if (after >= last) return []
    const stored = after < this.#durableMessages ? readToDevice(this.#store, deviceId, after, limit) : []
    const inMemory = (this.#messages.get(deviceId) ?? []).filter(({ id }) => id > after)
    if (inMemory.length === 0) return stored
    return [...stored, ...inMemory].sort((a, b) => a.id - b.id).slice(0, limit)
  }

  /** Users whose devices or keys changed in `(position, upTo]`. */
  changes(position: number, upTo = this.head): string[] {
    const stored = position < this.#durableChanges ? readDeviceListChanges(this.#store, position, upTo) : []
    const users = new Set(stored)
    for (const [userId, id] of this.#changes) if (id > position && id <= upTo) users.add(userId)
    return [...users]
  }

  /** A device has everything up to a position: it never gets it again. */
  acknowledge(deviceId: string, position: number): void {
    if (position <= (this.#acknowledged.get(deviceId) ?? 0)) return
    this.#acknowledged.set(deviceId, position)
    const messages = this.#messages.get(deviceId)
    if (messages !== undefined) this.#keep(deviceId, messages, position)
    const [oldest] = readToDevice(this.#store, deviceId, 0, 1)
    if (oldest !== undefined && oldest.id <= position) this.#deletable.add(deviceId)
  }

  #keep(deviceId: string, messages: readonly ToDeviceRow[], above: number): void {
    const left = messages.filter(({ id }) => id > above)
    if (left.length === 0) this.#messages.delete(deviceId)
    else this.#messages.set(deviceId, left)
  }

  /** A device is gone; its rows are removed by the caller. */
  forget(deviceId: string): void {
    this.#messages.delete(deviceId)
    this.#acknowledged.delete(deviceId)
    this.#deletable.delete(deviceId)
  }

  get needsFlush(): boolean {
    return this.#messages.size > 0 || this.#changes.size > 0 || this.#accepted.size > 0 || this.#deletable.size > 0
  }

  get flushIsUrgent(): boolean {
    let unflushed = this.#changes.size
    for (const messages of this.#messages.values()) unflushed += messages.length
    return unflushed >= MAX_UNFLUSHED
  }

  write(): void {
    for (const deviceId of this.#deletable) deleteToDeviceUpTo(this.#store, deviceId, this.#acknowledged.get(deviceId) ?? 0)
    for (const [deviceId, messages] of this.#messages) {
      for (const message of messages) insertToDevice(this.#store, message)
      this.#trim(deviceId)
    }
    for (const [userId, id] of this.#changes) writeDeviceListChange(this.#store, userId, id)
    for (const [sender, id] of this.#accepted) writePeerPosition(this.#store, sender, id)
    writeInboxHead(this.#store, this.#ids.last)
  }

  written(): void {
    if (this.#messages.size > 0) this.#durableMessages = this.#ids.last
    if (this.#changes.size > 0) this.#durableChanges = this.#ids.last
    this.#messages.clear()
    this.#changes.clear()
    this.#accepted.clear()
    this.#deletable.clear()
  }
}
