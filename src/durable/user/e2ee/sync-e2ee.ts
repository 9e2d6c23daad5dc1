import type { KeyCounts } from '../../sync-protocol.ts'
import type { SyncToken } from '../sync-token.ts'
import type { UserCore } from '../user-core.ts'

/** Messages in one response (client-server-api#send-to-device-messaging recommends it), and their characters (one more message is always allowed). */
const MAX_MESSAGES = 100
const MAX_MESSAGES_CHARS = 2 * 1024 * 1024

/** What encryption has to say in a sync response. */
export interface E2eeNews {
  /** To-device events, a JSON array, or absent. */
  readonly toDevice: string | undefined
  readonly devicesChanged: readonly string[]
  readonly keyCounts: KeyCounts
  /** Where the client is afterwards. */
  readonly toDevicePosition: number
  readonly deviceListsPosition: number
}

/** What a device must hear after its token, which acknowledges everything before. */
export function e2eeNews(core: UserCore, deviceId: string, since: SyncToken | undefined): E2eeNews {
  const { inbox } = core.e2ee
  const isOfThisLife = since?.boot === core.feedKeeper.feed.boot
  const { head } = inbox
  const toDeviceSince = inbox.resolve(since?.toDevice ?? 0, isOfThisLife)
  inbox.acknowledge(deviceId, toDeviceSince)
  if (inbox.needsFlush) core.feedKeeper.flushSoon()
  const events: string[] = []
  let chars = 0
  let toDevicePosition = toDeviceSince
  for (const { id, event } of inbox.messages(deviceId, toDeviceSince, MAX_MESSAGES)) {
    chars += event.length
    if (events.length > 0 && chars > MAX_MESSAGES_CHARS) break
    events.push(event)
    toDevicePosition = id
  }
  const listsSince = since === undefined ? head : inbox.resolve(since.deviceLists, isOfThisLife)
  const devicesChanged = since === undefined ? [] : inbox.changes(listsSince, head)
  return {
    toDevice: events.length === 0 ? undefined : `[${events.join(',')}]`,
    devicesChanged,
    keyCounts: core.e2ee.keyCounts(deviceId),
    toDevicePosition,
    // A token stays the same while nothing concerns its device.
    deviceListsPosition: devicesChanged.length === 0 ? listsSince : head,
  }
}
