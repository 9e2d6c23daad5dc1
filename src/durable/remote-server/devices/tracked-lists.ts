import { isJsonObject, type JsonValue } from '../../../matrix/json.ts'
import { checkedDeviceKeys } from '../../../matrix/remote-keys.ts'
import { MAX_TRACKED_CHARS, MAX_TRACKED_DEVICES, MAX_TRACKED_USERS } from '../../../storage/remote-server/limits.ts'
import {
  deleteTrackedDevice,
  deleteTrackedDevices,
  isTrackedDevice,
  trackedDevices,
  trackedSize,
  writeTrackedDevice,
} from '../../../storage/remote-server/tracked-devices.ts'
import { countTracked, findTracked, forgetUnread, type TrackedUser, writeTracked } from '../../../storage/remote-server/tracked-users.ts'
import type { PublishedKeys } from '../../user/e2ee/query-keys.ts'
import { checkedKeys, type FetchedKeys, named } from './key-fetch.ts'
import { FORGET_AT_ONCE, LONGEST_RESYNC_PAUSE_MS } from './limits.ts'
import type { DeviceParts } from './parts.ts'
import type { ReceivedDeviceUpdate, ReceivedSigningKeys } from './received-edus.ts'

/** Device lists of the other server's users as they are kept here. Synchronous throughout; callers hold the transaction of whatever writes. */
export class TrackedLists {
  readonly #parts: Pick<DeviceParts, 'store' | 'now'>

  constructor(parts: Pick<DeviceParts, 'store' | 'now'>) {
    this.#parts = parts
  }

  /** What is known of a user. */
  find(userId: string): TrackedUser | undefined {
    return findTracked(this.#parts.store, userId)
  }

  /** The keys that are kept of a user. */
  read(user: TrackedUser): PublishedKeys {
    const devices = trackedDevices(this.#parts.store, user.userId).map(({ deviceId, keys }): [string, string] => [deviceId, keys])
    return { devices, master: user.master, selfSigning: user.selfSigning, userSigning: undefined }
  }

  /** Puts a list that was fetched in the place of what was there. `stale`: there were changes meanwhile. */
  replace(userId: string, keys: FetchedKeys, witness: string, stale: boolean): void {
    const { store } = this.#parts
    const before = this.find(userId)
    if (before === undefined && countTracked(store) >= MAX_TRACKED_USERS) forgetUnread(store, FORGET_AT_ONCE)
    const { master, selfSigning, streamId } = keys
    const { resyncs, resyncTs } = before ?? { resyncs: 0, resyncTs: 0 }
    writeTracked(store, { userId, streamId, stale, master, selfSigning, witness, resyncs, resyncTs })
    deleteTrackedDevices(store, userId)
    let chars = 0
    for (const device of keys.devices.slice(0, MAX_TRACKED_DEVICES)) {
      chars += device.keys.length
      if (chars <= MAX_TRACKED_CHARS) writeTrackedDevice(store, userId, device)
    }
  }

  /** A device has changed. Answers whether the list must be fetched again: a change is missing, or this one makes no sense (D3). */
  applyDevice(update: ReceivedDeviceUpdate): boolean {
    const user = this.find(update.userId)
    if (user === undefined) return false
    const { streamId, prevIds } = update
    if (streamId !== undefined && streamId === user.streamId && !user.stale) return false
    const isNext = prevIds.length > 0 && prevIds.every((prev) => prev === user.streamId)
    if (user.stale || streamId === undefined || !isNext) return this.#markStale(user)
    this.#writeDevice(update)
    writeTracked(this.#parts.store, { ...user, streamId })
    return false
  }

  #writeDevice({ userId, deviceId, deleted, keys, displayName }: ReceivedDeviceUpdate): void {
    const { store } = this.#parts
    const checked = deleted || keys === undefined ? undefined : checkedDeviceKeys(named(keys, displayName), userId, deviceId)
    if (checked === undefined) {
      deleteTrackedDevice(store, userId, deviceId)
      return
    }
    const size = trackedSize(store, userId)
    const isNew = !isTrackedDevice(store, userId, deviceId)
    if ((isNew && size.devices >= MAX_TRACKED_DEVICES) || size.chars + checked.length > MAX_TRACKED_CHARS) return
    writeTrackedDevice(store, userId, { deviceId, keys: checked })
  }

  #markStale(user: TrackedUser): true {
    const { store, now } = this.#parts
    if (user.stale) return true
    const isQuiet = now() - user.resyncTs > LONGEST_RESYNC_PAUSE_MS
    writeTracked(store, { ...user, stale: true, resyncs: isQuiet ? 0 : user.resyncs })
    return true
  }

  /** Cross-signing keys have changed. A self-signing key that the master key has not signed is none. */
  applySigning({ userId, master, selfSigning }: ReceivedSigningKeys): void {
    const user = this.find(userId)
    if (user === undefined) return
    const before = (json: string | undefined): JsonValue | undefined => {
      const value: JsonValue = json === undefined ? null : JSON.parse(json)
      return isJsonObject(value) ? value : undefined
    }
    const keys = checkedKeys(userId, master ?? before(user.master), selfSigning ?? before(user.selfSigning))
    writeTracked(this.#parts.store, { ...user, ...keys })
  }
}
