import type { ObjectStore } from '../object-store.ts'

/** Where notifications go, as its client set it. `data` is a JSON object as text. Times in milliseconds. */
export interface Pusher {
  readonly appId: string
  readonly pushkey: string
  /** The device whose session set it; the pusher goes with that device's tokens. */
  readonly deviceId: string
  readonly kind: 'http'
  readonly appDisplayName: string
  readonly deviceDisplayName: string
  readonly profileTag: string | undefined
  readonly lang: string
  readonly data: string
  readonly setTs: number
}

/** How a pusher fares: failures in a row, and when it is tried again. */
export interface PusherStanding {
  readonly failures: number
  readonly failingSinceTs: number | undefined
  readonly retryTs: number | undefined
}

/** A pusher that is well. */
export const WELL: PusherStanding = { failures: 0, failingSinceTs: undefined, retryTs: undefined }

type Columns = {
  app_id: string
  pushkey: string
  device_id: string
  app_display_name: string
  device_display_name: string
  profile_tag: string | null
  lang: string
  data: string
  set_ts: number
  failures: number
  failing_since_ts: number | null
  retry_ts: number | null
}

/** Every pusher of the account, the oldest first. Their number is bounded where they are set. */
export function readPushers(store: ObjectStore): { readonly pusher: Pusher; readonly standing: PusherStanding }[] {
  return store.all<Columns>("SELECT * FROM pushers WHERE kind = 'http' ORDER BY set_ts, app_id, pushkey").map((row) => ({
    pusher: {
      appId: row.app_id,
      pushkey: row.pushkey,
      deviceId: row.device_id,
      kind: 'http',
      appDisplayName: row.app_display_name,
      deviceDisplayName: row.device_display_name,
      profileTag: row.profile_tag ?? undefined,
      lang: row.lang,
      data: row.data,
      setTs: row.set_ts,
    },
    standing: { failures: row.failures, failingSinceTs: row.failing_since_ts ?? undefined, retryTs: row.retry_ts ?? undefined },
  }))
}

/** Sets a pusher in the place of one with the same app ID and pushkey; it starts well. The caller holds the transaction. */
export function writePusher(store: ObjectStore, pusher: Pusher): void {
  store.run(
    `INSERT OR REPLACE INTO pushers
       (app_id, pushkey, device_id, kind, app_display_name, device_display_name, profile_tag, lang, data, set_ts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    pusher.appId,
    pusher.pushkey,
    pusher.deviceId,
    pusher.kind,
    pusher.appDisplayName,
    pusher.deviceDisplayName,
    pusher.profileTag ?? null,
    pusher.lang,
    pusher.data,
    pusher.setTs,
  )
}

/** Remembers how a pusher fares. The caller holds the transaction. */
export function writePusherStanding(
  store: ObjectStore,
  { appId, pushkey }: Pick<Pusher, 'appId' | 'pushkey'>,
  standing: PusherStanding,
): void {
  store.run(
    'UPDATE pushers SET failures = ?, failing_since_ts = ?, retry_ts = ? WHERE app_id = ? AND pushkey = ?',
    standing.failures,
    standing.failingSinceTs ?? null,
    standing.retryTs ?? null,
    appId,
    pushkey,
  )
}

/** Removes a pusher and what waits for it. The caller holds the transaction. */
export function deletePusher(store: ObjectStore, { appId, pushkey }: Pick<Pusher, 'appId' | 'pushkey'>): void {
  store.run('DELETE FROM pushers WHERE app_id = ? AND pushkey = ?', appId, pushkey)
  store.run('DELETE FROM push_queue WHERE app_id = ? AND pushkey = ?', appId, pushkey)
}
