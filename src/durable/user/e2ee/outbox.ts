import { log } from '../../../runtime/log.ts'
import { inTurns } from '../../../runtime/turns.ts'
import {
  announcementsUpTo,
  deleteAnnouncements,
  latestAnnouncement,
  readDeviceStream,
  writeDeviceStream,
} from '../../../storage/peers/outbox.ts'
import { listDeviceKeys } from '../../../storage/user/device-keys.ts'
import { listDevices } from '../../../storage/user/devices.ts'
import { objectsOf } from '../../objects.ts'
import { idAt } from '../../peers/clock-ids.ts'
import { type OutboxDelivery, PeerOutbox } from '../../peers/peer-outbox.ts'
import type { PeerReply, ServerPeerItem } from '../../protocol.ts'
import { joinedRooms } from '../notices.ts'
import type { UserCore } from '../user-core.ts'
import { type DeviceChange, type ServerNews, serverEdus } from './server-edus.ts'
import { sharersOfRoom, sharersOfRooms } from './sharing.ts'

/** How long something that must come after an announcement waits for it. */
const ANNOUNCEMENT_TIMEOUT_MS = 3_000
/** Changes that are told to other servers one by one; of more only the last is told, and they fetch the rest. */
const MAX_CHANGES_TOLD = 10
/**
 * Servers that are told of devices because their owner has joined a room there. Where there are more, none is: it would open an object for each of them, and
 * whoever was never told has nothing to keep up to date, and asks.
 */
const MAX_SERVERS_ON_JOIN = 100

/**
 * What others must hear of this user (docs/design/to-device.md): local users of changed devices and messages, other servers the same as EDUs. Servers
 * are peers like users; their names have no `@`.
 */
export class Outbox {
  readonly #core: UserCore
  readonly #peers: PeerOutbox
  #announcing: Promise<void> | undefined

  constructor(core: UserCore) {
    this.#core = core
    this.#peers = new PeerOutbox({
      store: core.store,
      due: core.due,
      waitUntil: (work) => core.ctx.waitUntil(work),
      deliver: (peer, delivery) => this.#hand(peer, delivery),
      beforeSettling: () => this.#startAnnouncing(),
    })
  }

  /** Whether the outbox takes so many more items. */
  hasRoomFor(items: number): boolean {
    return this.#peers.hasRoomFor(items)
  }

  /** Adds a message for one peer. The caller holds the transaction and calls {@link deliver} after it. */
  add(peer: string, payload: string): void {
    this.#peers.add(peer, 'to_device', payload)
  }

  /** Delivers what was added for these peers, without waiting. To be called in the turn of the transaction. */
  deliver(peers: readonly string[]): void {
    this.#peers.deliver(peers)
  }

  /**
   * This user's devices changed: everybody who shares a room must hear of it before anything that is added later. The caller holds the transaction,
   * and adds nothing else to the account's changes after this.
   */
  announce(change: DeviceChange): void {
    const { store } = this.#core
    const prev = readDeviceStream(store)
    const stream = this.#peers.ids.next()
    if ('device' in change) writeDeviceStream(store, stream)
    if (joinedRooms(this.#core).length === 0) return
    const news: ServerNews = 'device' in change ? { device: change.device, stream, prev: prev === 0 ? [] : [prev] } : change
    this.#peers.add(undefined, 'devices', JSON.stringify(news))
    // After the transaction, but in its turn.
    this.#core.ctx.waitUntil(Promise.resolve().then(() => this.#startAnnouncing()))
  }

  /**
   * This user has joined a room: servers there that were never told of the devices hear of them now (server-server-api#device-management). A crash may
   * swallow it: they ask when they need to know.
   */
  announceTo(roomId: string): void {
    const { store } = this.#core
    // One is enough: whoever is interested fetches the whole list.
    const device = listDeviceKeys(store)[0] ?? listDevices(store)[0]
    if (device !== undefined) this.#core.ctx.waitUntil(this.#tellServersOf(roomId, device.deviceId))
  }

  /** All members of a room are known now: servers there hear of the devices if these have changed since a time, in milliseconds, at which not all were. */
  announceSince(roomId: string, sinceMs: number): void {
    if (readDeviceStream(this.#core.store) > idAt(sinceMs)) this.announceTo(roomId)
  }

  async #tellServersOf(roomId: string, device: string): Promise<void> {
    const { store } = this.#core
    try {
      const { servers } = await sharersOfRoom(this.#core, roomId)
      if (servers.length === 0 || servers.length > MAX_SERVERS_ON_JOIN) return
      const news: ServerNews = { device, stream: readDeviceStream(store), prev: [], ifUntold: true }
      store.transaction(undefined, () => this.#peers.addForAll(servers, 'devices', JSON.stringify(news), false))
      // One after the other: each may have to be opened, and nobody waits for this. What a crash cuts off goes out when the outbox settles.
      await inTurns(servers, 1, async (server) => this.#peers.deliver([server]))
    } catch (cause) {
      log.warn('servers of a joined room were not told of devices', cause)
    }
  }

  /** Resolves when announcements stand in the outboxes of everybody concerned, or after a while. */
  async announced(): Promise<void> {
    if (latestAnnouncement(this.#core.store) === undefined) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ANNOUNCEMENT_TIMEOUT_MS)
    })
    await Promise.race([this.#startAnnouncing(), timeout])
    clearTimeout(timer)
  }

  async #startAnnouncing(): Promise<void> {
    await this.#core.due.arm()
    this.#announcing ??= this.#announceAll().finally(() => {
      this.#announcing = undefined
    })
    await this.#announcing
  }

  async #announceAll(): Promise<void> {
    const { store } = this.#core
    for (;;) {
      const upTo = latestAnnouncement(store)
      if (upTo === undefined) return
      const { users, servers, complete } = await sharersOfRooms(this.#core)
      store.transaction(undefined, () => {
        this.#peers.addForAll(users, 'devices', '{}', true)
        const changes = announcementsUpTo(store, upTo)
        // Whoever misses one learns of it from the next, which names it.
        const told = changes.length > MAX_CHANGES_TOLD ? changes.slice(-1) : changes
        for (const { payload } of told) this.#peers.addForAll(servers, 'devices', payload, !this.#peers.hasRoomFor(servers.length))
        if (complete) deleteAnnouncements(store, upTo)
        this.#peers.planSettling()
      })
      this.#peers.deliver([...users, ...servers])
      // A room that could not be asked is asked again by the alarm.
      if (!complete) return
    }
  }

  #hand(peer: string, { after, items, settle }: OutboxDelivery): Promise<PeerReply> {
    const { env, userId } = this.#core
    const objects = objectsOf(env, undefined)
    if (peer.startsWith('@')) return objects.user(peer).peerItems({ from: userId, after, items, settle })
    const translated = items.map((item): ServerPeerItem => ({ id: item.id, ...serverEdus(this.#core, item) }))
    return objects.remoteServer(peer).peerItems({ from: userId, after, items: translated })
  }
}
