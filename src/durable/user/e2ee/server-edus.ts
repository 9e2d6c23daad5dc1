import { encodeBase64Url } from '../../../matrix/base64.ts'
import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { sha256 } from '../../../matrix/crypto.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import { log } from '../../../runtime/log.ts'
import type { OutboxRow } from '../../../storage/peers/outbox.ts'
import { readDeviceKeys } from '../../../storage/user/device-keys.ts'
import { readDevice } from '../../../storage/user/devices.ts'
import type { OutgoingEdu } from '../../protocol.ts'
import type { UserCore } from '../user-core.ts'
import { publishedCrossSigningKey, signedDeviceKeys } from './query-keys.ts'

/** What has changed: a device, its keys, name or signatures; or the cross-signing keys. */
export type DeviceChange = { readonly device: string } | { readonly crossSigning: true }

/** The payload of an item of kind `devices` for servers. */
export type ServerNews =
  | {
      readonly device: string
      /** The number of this change, and of the one before it. */
      readonly stream: number
      readonly prev: readonly number[]
      /** Of no interest to a server that was told of this change or a later one. */
      readonly ifUntold?: boolean
    }
  | { readonly crossSigning: true }

/** Characters of the sender's part of a message ID; an ID has at most 32 characters (server-server-api#m_direct_to_device). */
const SENDER_DIGEST_CHARS = 18

/** An item of the outbox in the form in which another server's queue takes it: keys are what they are now. */
export interface ServerEdus {
  readonly edus: readonly OutgoingEdu[]
  readonly stream?: number | undefined
  readonly ifUntold?: boolean | undefined
}

/** What another server is to be sent for an item of the outbox. An item that cannot be told is no EDU: it must not hold up what follows (F18). */
export function serverEdus(core: UserCore, item: OutboxRow): ServerEdus {
  try {
    const payload: JsonValue = JSON.parse(item.payload)
    if (!isJsonObject(payload)) throw new Error('a broken item')
    if (item.kind === 'to_device') return { edus: [directToDevice(core, item.id, payload)] }
    if (typeof payload.device !== 'string') return { edus: [signingKeyUpdate(core)] }
    const stream = typeof payload.stream === 'number' ? payload.stream : 0
    const prev = Array.isArray(payload.prev) ? payload.prev : []
    return { edus: [deviceListUpdate(core, payload.device, stream, prev)], stream, ifUntold: payload.ifUntold === true }
  } catch (cause) {
    log.error('something cannot be told to other servers', cause)
    return { edus: [] }
  }
}

function directToDevice(core: UserCore, id: number, { type, messages }: JsonObject): OutgoingEdu {
  const digest = encodeBase64Url(sha256(core.userId)).slice(0, SENDER_DIGEST_CHARS)
  const content = { sender: core.userId, type: type ?? '', message_id: `${id.toString(36)}${digest}`, messages: messages ?? {} }
  return { type: 'm.direct_to_device', key: undefined, body: edu('m.direct_to_device', content) }
}

function deviceListUpdate(core: UserCore, deviceId: string, stream: number, prev: readonly JsonValue[]): OutgoingEdu {
  const keys = readDeviceKeys(core.store, deviceId)
  const device = readDevice(core.store, deviceId)
  const content: JsonObject = {
    user_id: core.userId,
    device_id: deviceId,
    stream_id: stream,
    prev_id: [...prev],
    ...(device === undefined ? { deleted: true } : {}),
    ...(keys === undefined ? {} : { keys: signedDeviceKeys(core, deviceId, keys) }),
  }
  const name = core.config.federateDeviceNames ? device?.displayName : undefined
  // A name that JSON cannot carry is no reason to keep the keys back.
  const body = edu('m.device_list_update', name?.isWellFormed() === true ? { ...content, device_display_name: name } : content)
  return { type: 'm.device_list_update', key: core.userId, body }
}

function signingKeyUpdate(core: UserCore): OutgoingEdu {
  const key = (usage: 'master' | 'self_signing'): JsonObject | undefined => {
    const json = publishedCrossSigningKey(core, usage)
    const value: JsonValue = json === undefined ? null : JSON.parse(json)
    return isJsonObject(value) ? value : undefined
  }
  const [master, selfSigning] = [key('master'), key('self_signing')]
  const content: JsonObject = {
    user_id: core.userId,
    ...(master === undefined ? {} : { master_key: master }),
    ...(selfSigning === undefined ? {} : { self_signing_key: selfSigning }),
  }
  return { type: 'm.signing_key_update', key: core.userId, body: edu('m.signing_key_update', content) }
}

function edu(type: string, content: JsonObject): string {
  return canonicalJson({ edu_type: type, content })
}
