import type { PeerDelivery, PeerReply } from '../../src/durable/protocol.ts'
import type { ReceivedDeviceUpdate } from '../../src/durable/remote-server/devices/received-edus.ts'
import { RemoteDevices } from '../../src/durable/remote-server/devices/remote-devices.ts'
import type { Witness } from '../../src/durable/user/e2ee/acquaintances.ts'
import type { FederationRequest } from '../../src/federation/outbound/client.ts'
import { OutboundError } from '../../src/federation/outbound/outbound-error.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { DueTable } from '../../src/storage/due-table.ts'
import { REMOTE_SERVER_MIGRATIONS } from '../../src/storage/remote-server/migrations.generated.ts'
import { deviceKeysOf } from './made-keys.ts'
import { NodeObjectDatabase } from './node-object-store.ts'

export const SERVER = 'them.example'
export const EVE = `@eve:${SERVER}`
export const ALICE = '@alice:us.example'

/** A room by which changes of a user are heard of. */
export const witness = (pos = 5, roomId = '!room:us.example'): Witness => ({ roomId, generation: 'g', pos, readerPos: 1 })

/** The object of one other server as far as devices go, on a real database, in a world of its own time. */
export class DeviceWorld {
  now = 1_700_000_000_000
  /** What the other server answers; `undefined`: nothing. */
  devices: Map<string, string[]> | undefined = new Map([[EVE, ['ONE']]])
  stream = 100
  /** Requests to the other server, by path. */
  readonly asked: string[] = []
  /** Holds answers back until it is called. */
  hold: Promise<void> | undefined
  /** Characters that each device's keys have besides what they need. */
  padding = 0
  /** Who is still in the witness's room. */
  stillThere: (userId: string) => boolean = () => true
  /** Local users in rooms with a user. */
  locals: readonly string[] = []
  /** Rooms that were asked who shares them. */
  roomsAsked = 0
  /** Items that local users have taken, in order. */
  readonly taken: { readonly userId: string; readonly kind: string; readonly payload: JsonObject }[] = []
  readonly #database = new NodeObjectDatabase()
  readonly #positions = new Map<string, number>()
  #alarmAt: number | undefined
  #life = this.#begin()

  get remote(): RemoteDevices {
    return this.#life.remote
  }

  /** Ends this life of the object; what it held in memory is gone. */
  end(): void {
    this.#life = this.#begin()
  }

  #begin(): { remote: RemoteDevices; due: DueTable; work: Promise<unknown>[] } {
    const store = this.#database.open(REMOTE_SERVER_MIGRATIONS)
    const setAlarm = async (at: number): Promise<void> => {
      this.#alarmAt = Math.min(at, this.#alarmAt ?? at)
    }
    const due = new DueTable(store, { setAlarm } as object as DurableObjectStorage)
    const work: Promise<unknown>[] = []
    const remote = new RemoteDevices({
      serverName: SERVER,
      store,
      due,
      now: () => this.now,
      fraction: () => 0,
      waitUntil: (promise) => void work.push(promise),
      room: () => ({
        stillJoined: async (_generation, since) => since.flatMap(([userId]) => (this.stillThere(userId) ? [userId] : [])),
        localsWith: async () => {
          this.roomsAsked += 1
          return [...this.locals]
        },
      }),
      deliver: async (userId, delivery) => this.#deliver(userId, delivery),
      ask: (request) => this.#answer(request),
    })
    return { remote, due, work }
  }

  /** Waits for everything that goes on in the background. */
  async settle(): Promise<void> {
    const { work } = this.#life
    for (let next = work.shift(); next !== undefined; next = work.shift()) await next
  }

  /** Lets time pass, and does what is due then. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms
    for (let alarms = 0; this.#alarmAt !== undefined && this.#alarmAt <= end; alarms += 1) {
      if (alarms > 1_000) throw new Error('alarms do not end')
      this.now = Math.max(this.now, this.#alarmAt)
      this.#alarmAt = undefined
      await this.#life.due.run(this.now, (_kind, cause) => {
        throw cause
      })
      await this.settle()
    }
    this.now = end
  }

  #deliver(userId: string, { after, items }: PeerDelivery): PeerReply {
    const had = this.#positions.get(userId) ?? 0
    if (had >= after) {
      for (const { id, kind, payload } of items) if (id > had) this.taken.push({ userId, kind, payload: JSON.parse(payload) })
      this.#positions.set(userId, Math.max(had, items.at(-1)?.id ?? had))
    }
    const position = this.#positions.get(userId) ?? 0
    return { accepted: position, durable: position }
  }

  async #answer({ method, path }: FederationRequest): Promise<JsonObject> {
    this.asked.push(`${method} ${path.replace(/^.*\/v1\//, '')}`)
    const { devices, stream } = this
    await this.hold
    if (devices === undefined) throw new OutboundError('unreachable', 'away')
    const keys = (userId: string): [string, JsonObject][] =>
      (devices.get(userId) ?? []).map((deviceId) => [deviceId, this.#keys(userId, deviceId)])
    if (method === 'POST') {
      return { device_keys: Object.fromEntries([...devices.keys()].map((userId) => [userId, Object.fromEntries(keys(userId))])) }
    }
    const userId = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1))
    return { user_id: userId, stream_id: stream, devices: keys(userId).map(([deviceId, value]) => ({ device_id: deviceId, keys: value })) }
  }

  #keys(userId: string, deviceId: string): JsonObject {
    const keys = deviceKeysOf({ userId, deviceId })
    return this.padding === 0 ? keys : { ...keys, signatures: {}, padding: 'x'.repeat(this.padding) }
  }

  /** IDs of a user's devices as a reader gets them; `undefined` where they cannot be had. */
  async read(reader = ALICE, userId = EVE, by = witness()): Promise<string[] | undefined> {
    const { keys } = await this.remote.lists({ reader, users: [{ userId, witness: by }], timeoutMs: 1_000 })
    return keys.find(([found]) => found === userId)?.[1].devices.map(([deviceId]) => deviceId)
  }

  /** An update of a device. */
  update(deviceId: string, streamId: number, prevIds: readonly number[], deleted = false, userId = EVE): ReceivedDeviceUpdate {
    const keys = deleted ? undefined : deviceKeysOf({ userId, deviceId })
    return { kind: 'device', userId, deviceId, streamId, prevIds, deleted, keys, displayName: undefined }
  }

  /** Takes updates in, and what follows from them. */
  async take(...updates: readonly ReceivedDeviceUpdate[]): Promise<void> {
    await this.remote.take(updates)
    await this.settle()
  }

  /** How often a local user was told that a user's devices changed. */
  toldTimes(userId = ALICE, about = EVE): number {
    return this.taken.filter((item) => item.userId === userId && item.kind === 'devices' && item.payload.sender === about).length
  }
}
