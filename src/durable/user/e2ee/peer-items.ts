import { isJsonObject } from '../../../matrix/json.ts'
import type { OutboxRow } from '../../../storage/peers/outbox.ts'
import { readAccount } from '../../../storage/user/account.ts'
import { listDevices, readDevice } from '../../../storage/user/devices.ts'
import type { PeerDelivery, PeerReply } from '../../protocol.ts'
import { wakeParked } from '../parking-wake.ts'
import type { UserCore } from '../user-core.ts'

/** The device ID that stands for every device. */
export const EVERY_DEVICE = '*'

/** A message for one device: its ID and the content as JSON text. */
export type DeviceMessage = readonly [deviceId: string, content: string]

/** The payload of an item of kind `to_device`. */
export function toDevicePayload(type: string, messages: readonly DeviceMessage[]): string {
  return JSON.stringify({ type, messages })
}

/**
 * Takes what the outbox of another user or server delivers: in memory, so that parked polls wake without a commit; durable within seconds, or before the answer if
 * the sender asks for that. Items that came before are ignored; items behind a gap are refused by an answer that names what is there.
 */
export function takePeerItems(core: UserCore, delivery: PeerDelivery): PeerReply {
  const { from, after, items, settle } = delivery
  const last = items.at(-1)?.id ?? after
  // There is nobody to tell any more.
  if (readAccount(core.store)?.state !== 'active') return { accepted: last, durable: last }
  const { inbox } = core.e2ee
  const had = inbox.acceptedFrom(from)
  if (had >= after) {
    const fresh = items.filter(({ id }) => id > had)
    for (const item of fresh) take(core, from, item)
    if (fresh.length > 0) {
      inbox.accept(from, last)
      wakeParked(core)
      core.feedKeeper.flushSoon()
    }
  }
  const accepted = inbox.acceptedFrom(from)
  if (settle && inbox.durableFrom(from) < accepted) core.feedKeeper.flush()
  return { accepted, durable: inbox.durableFrom(from) }
}

function take(core: UserCore, from: string, item: OutboxRow): void {
  const { inbox } = core.e2ee
  const payload: unknown = JSON.parse(item.payload)
  if (!isJsonObject(payload)) throw new Error('a broken item')
  // Another server's object speaks for users of that server, and has made sure of it.
  const sender = from.startsWith('@') ? from : payload.sender
  if (typeof sender !== 'string') throw new Error('a broken item')
  if (item.kind === 'devices') {
    inbox.addChange(sender)
    return
  }
  if (typeof payload.type !== 'string' || !Array.isArray(payload.messages)) throw new Error('a broken item')
  for (const [deviceId, content] of payload.messages) {
    for (const target of devicesNamed(core, String(deviceId))) inbox.add(target, toDeviceEvent(sender, payload.type, String(content)))
  }
}

/** The devices that a message's device ID stands for; none for one that does not exist. */
export function devicesNamed(core: UserCore, deviceId: string): string[] {
  if (deviceId === EVERY_DEVICE) return listDevices(core.store).map((device) => device.deviceId)
  return readDevice(core.store, deviceId) === undefined ? [] : [deviceId]
}

/** A message as clients get it. */
export function toDeviceEvent(sender: string, type: string, content: string): string {
  return `{"sender":${JSON.stringify(sender)},"type":${JSON.stringify(type)},"content":${content}}`
}
