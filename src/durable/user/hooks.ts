import { DELETED, readAccountData, writeAccountData } from '../../storage/user/account-data.ts'
import { deleteDelayedEvents } from '../../storage/user/delayed-events.ts'
import { deleteThreadSubscriptions } from '../../storage/user/thread-subscriptions.ts'
import { encryptionDeactivated, encryptionDeviceChanged, encryptionDeviceRemoved } from './e2ee/device-changes.ts'
import { closeParkedOf, wakeParkedSoon } from './parking-wake.ts'
import type { UserCore } from './user-core.ts'

/*
 * What other concerns of the account must hear of. Each function is called inside the transaction that makes the change, before it commits,
 * so that what hangs on the change is stored with it or not at all. Concerns add their calls here.
 */

/** A device has come into being or has a new name. */
export function onDeviceChanged(core: UserCore, deviceId: string): void {
  encryptionDeviceChanged(core, deviceId)
}

/** A device is going, and its tokens with it (SECURITY D10). */
export function onDeviceRemoved(core: UserCore, deviceId: string): void {
  core.lastSeen.delete(deviceId)
  encryptionDeviceRemoved(core, deviceId)
  core.sliding.forgetDevice(deviceId)
  core.presence?.forget(deviceId)
  closeParkedOf(core, deviceId)
  deleteNotificationSettings(core, deviceId)
}

/** Account data about the notifications that one device makes by itself (MSC3890), by the start of its type. */
const NOTIFICATION_SETTINGS: readonly string[] = ['m.local_notification_settings.', 'org.matrix.msc3890.local_notification_settings.']

/** What the user has set about a device's notifications goes with it. */
function deleteNotificationSettings(core: UserCore, deviceId: string): void {
  for (const type of NOTIFICATION_SETTINGS.map((start) => `${start}${deviceId}`)) {
    if ((readAccountData(core.store, '', type) ?? DELETED) === DELETED) continue
    onAccountDataChanged(core, { roomId: '', type, streamId: writeAccountData(core.store, '', type, DELETED) })
  }
}

/** The account is going. */
export function onDeactivated(core: UserCore, erase: boolean): void {
  core.memberProfile = undefined
  encryptionDeactivated(core)
  deleteThreadSubscriptions(core.store)
  deleteDelayedEvents(core.store)
  core.departure.plan()
  if (erase) core.uploads.planErasure()
}

/** A change of account data: `roomId` is `''` for global data. */
export interface AccountDataChange {
  readonly roomId: string
  readonly type: string
  readonly streamId: number
}

/** Account data has changed. */
export function onAccountDataChanged(core: UserCore, { roomId }: AccountDataChange): void {
  // The box that is out goes by what was true before.
  core.letters.takeInSoon()
  core.feedKeeper.ownData.invalidate(roomId)
  wakeParkedSoon(core)
}

/** Fields of the profile that membership events carry. */
const MEMBER_PROFILE_FIELDS: readonly string[] = ['displayname', 'avatar_url']

/** Fields of the profile have changed. */
export function onProfileChanged(core: UserCore, names: readonly string[]): void {
  if (!names.some((name) => MEMBER_PROFILE_FIELDS.includes(name))) return
  core.letters.takeInSoon()
  core.memberProfile = undefined
  core.profilePropagation.plan()
}
