import { invalidParam, unknownToken } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { readDevice } from '../../../storage/user/devices.ts'
import { deletePusher, type Pusher, readPushers, writePusher } from '../../../storage/user/pushers.ts'
import { pullDirty } from '../resume.ts'
import type { Requester } from '../session-base.ts'
import { healUnread } from '../unread-heal.ts'
import type { UserCore } from '../user-core.ts'

/** Pushers of one account. */
const MAX_PUSHERS = 50

/** A pusher as its client wants it; the Worker has checked it. */
export type PusherWish = Omit<Pusher, 'deviceId' | 'setTs'>

/** The account's pushers as clients see them (client-server-api#get_matrixclientv3pushers). */
export function describePushers(core: UserCore): JsonObject[] {
  return core.push.lanes.all().map(({ pusher }) => ({
    app_id: pusher.appId,
    pushkey: pusher.pushkey,
    kind: pusher.kind,
    app_display_name: pusher.appDisplayName,
    device_display_name: pusher.deviceDisplayName,
    ...(pusher.profileTag === undefined ? {} : { profile_tag: pusher.profileTag }),
    lang: pusher.lang,
    data: JSON.parse(pusher.data),
  }))
}

/**
 * Sets a pusher (client-server-api#post_matrixclientv3pushersset), and unless told to append takes its pushkey from other users of this server.
 * @throws MatrixError M_INVALID_PARAM for too many; M_UNKNOWN_TOKEN if the device has gone meanwhile.
 */
export async function setPusher(core: UserCore, { deviceId, requestId }: Requester, wish: PusherWish, append: boolean): Promise<void> {
  if (!core.push.any) {
    // Rooms that stopped ringing start again, and what is unread now is no news.
    await pullDirty(core, requestId)
    await healUnread(core, requestId)
  }
  const { store, push } = core
  store.transaction(requestId, () => {
    if (readDevice(store, deviceId) === undefined) throw unknownToken()
    const others = readPushers(store).filter(({ pusher }) => pusher.appId !== wish.appId || pusher.pushkey !== wish.pushkey)
    if (others.length >= MAX_PUSHERS) throw invalidParam(`An account has at most ${MAX_PUSHERS} pushers`)
    writePusher(store, { ...wish, deviceId, setTs: nowMs() })
    push.index.plan()
  })
  push.lanes.reload()
  await push.index.upToDate()
  if (!append) await push.index.takeFromOthers(wish)
}

/** Removes a pusher. One that is not there is no error. */
export function removePusher(core: UserCore, appId: string, pushkey: string, requestId: string | undefined): void {
  const { store, push } = core
  if (!store.exists()) return
  if (!push.lanes.all().some(({ pusher }) => pusher.appId === appId && pusher.pushkey === pushkey)) return
  store.transaction(requestId, () => {
    deletePusher(store, { appId, pushkey })
    push.index.plan()
  })
  push.lanes.reload()
}

/** A device loses its tokens: its pushers go with them (SECURITY D10). Call it in the transaction that revokes them. */
export function forgetPushersOf(core: UserCore, deviceId: string): void {
  const { store, push } = core
  const gone = readPushers(store).filter(({ pusher }) => pusher.deviceId === deviceId)
  if (gone.length === 0) return
  for (const { pusher } of gone) deletePusher(store, pusher)
  push.index.plan()
  // After the transaction, whether it succeeds or not.
  queueMicrotask(() => push.lanes.reload())
}
