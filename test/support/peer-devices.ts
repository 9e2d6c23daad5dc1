import { isJsonObject, type JsonObject } from '../../src/matrix/json.ts'
import type { HostilePeer } from './hostile-peer.ts'
import { bodyOf, type HostileRequest } from './hostile-server.ts'
import { deviceKeysOf } from './made-keys.ts'

const QUERY = /\/v1\/user\/keys\/query$/
const DEVICES = /\/v1\/user\/devices\/([^/]+)$/

/** Devices of a peer's users, as an honest server keeps and tells them. */
export class PeerDevices {
  readonly #peer: HostilePeer
  readonly #devices = new Map<string, Map<string, JsonObject>>()
  readonly #crossSigning = new Map<string, { readonly master_key: JsonObject; readonly self_signing_key: JsonObject }>()
  /** The number of the latest change. */
  stream = 100

  constructor(peer: HostilePeer) {
    this.#peer = peer
    peer.on('POST', QUERY, (request) => Response.json(this.queryAnswer(request)))
    peer.on('GET', DEVICES, (request) => Response.json(this.devicesAnswer(decodeURIComponent(DEVICES.exec(request.path)?.[1] ?? ''))))
  }

  /** A device without anybody being told; answers its keys. */
  add(userId: string, deviceId: string, keys: JsonObject = deviceKeysOf({ userId, deviceId })): JsonObject {
    const devices = this.#devices.get(userId) ?? new Map<string, JsonObject>()
    devices.set(deviceId, keys)
    this.#devices.set(userId, devices)
    this.stream += 1
    return keys
  }

  remove(userId: string, deviceId: string): void {
    this.#devices.get(userId)?.delete(deviceId)
    this.stream += 1
  }

  setCrossSigning(userId: string, keys: { readonly master_key: JsonObject; readonly self_signing_key: JsonObject }): void {
    this.#crossSigning.set(userId, keys)
  }

  /** The update that tells of a device as it is now. */
  update(userId: string, deviceId: string, prevId: readonly number[] = [this.stream - 1], extra: JsonObject = {}): JsonObject {
    const keys = this.#devices.get(userId)?.get(deviceId)
    const content = { user_id: userId, device_id: deviceId, stream_id: this.stream, prev_id: [...prevId] }
    return { edu_type: 'm.device_list_update', content: { ...content, ...(keys === undefined ? { deleted: true } : { keys }), ...extra } }
  }

  /** How often lists were asked for, one by one and together. */
  get fetches(): { readonly devices: number; readonly queries: number } {
    return { devices: this.#peer.asked(DEVICES), queries: this.#peer.asked(QUERY) }
  }

  queryAnswer(request: HostileRequest): JsonObject {
    const asked = bodyOf(request).device_keys
    const userIds = isJsonObject(asked) ? Object.keys(asked) : []
    const section = (key: 'master_key' | 'self_signing_key'): JsonObject =>
      Object.fromEntries(
        userIds.flatMap((userId) => (this.#crossSigning.has(userId) ? [[userId, this.#crossSigning.get(userId)?.[key]]] : [])),
      )
    return {
      device_keys: Object.fromEntries(userIds.map((userId) => [userId, Object.fromEntries(this.#devices.get(userId) ?? [])])),
      master_keys: section('master_key'),
      self_signing_keys: section('self_signing_key'),
    }
  }

  devicesAnswer(userId: string): JsonObject {
    const devices = [...(this.#devices.get(userId) ?? [])].map(([deviceId, keys]) => ({ device_id: deviceId, keys }))
    return { user_id: userId, stream_id: this.stream, devices, ...this.#crossSigning.get(userId) }
  }
}
