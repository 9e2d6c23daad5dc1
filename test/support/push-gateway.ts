import { expect } from 'vitest'
import { call, type TestSession } from './api-client.ts'
import { ok } from './room-api.ts'

/** A device of a notification. */
export interface NotifiedDevice {
  readonly app_id: string
  readonly pushkey: string
  readonly pushkey_ts: number
  readonly data: Readonly<Record<string, unknown>>
  readonly tweaks?: Readonly<Record<string, unknown>>
}

/** A notification as a gateway receives it. */
export interface Notification {
  readonly event_id?: string
  readonly room_id?: string
  readonly type?: string
  readonly sender?: string
  readonly sender_display_name?: string
  readonly room_name?: string
  readonly room_alias?: string
  readonly user_is_target?: boolean
  readonly prio?: string
  readonly content?: Readonly<Record<string, unknown>>
  readonly counts?: { readonly unread?: number }
  readonly devices: readonly NotifiedDevice[]
}

/** Where the scripted gateway is. */
export const GATEWAY_HOST = 'push.example'
export const GATEWAY_URL = `https://${GATEWAY_HOST}/_matrix/push/v1/notify`

/** A push gateway that notes what it is told, and answers what the test wants. */
export class PushGateway {
  /** Everything that it took. */
  readonly notifications: Notification[] = []
  /** Requests that came, refused ones included. */
  requests = 0
  /** Pushkeys that it rejects. */
  readonly rejected = new Set<string>()
  /** Status of the answers. */
  status = 200

  readonly answer = async (request: Request): Promise<Response> => {
    this.requests += 1
    const { notification }: { notification: Notification } = await request.json()
    if (this.status !== 200) return new Response('{}', { status: this.status })
    this.notifications.push(notification)
    const rejected = notification.devices.flatMap(({ pushkey }) => (this.rejected.has(pushkey) ? [pushkey] : []))
    return Response.json({ rejected })
  }

  /** Notifications that name an event and reached a pushkey. */
  eventsFor(pushkey: string): Notification[] {
    return this.notifications.filter(
      ({ event_id, devices }) => event_id !== undefined && devices.some((device) => device.pushkey === pushkey),
    )
  }

  /** Waits until a pushkey has been told of so many events. */
  async told(pushkey: string, count: number): Promise<Notification[]> {
    await expect.poll(() => this.eventsFor(pushkey).length, { timeout: 10_000 }).toBe(count)
    return this.eventsFor(pushkey)
  }
}

/** The body that sets a pusher at the scripted gateway. */
export function pusherBody(pushkey: string, extra: Readonly<Record<string, unknown>> = {}, data: Readonly<Record<string, unknown>> = {}) {
  return {
    kind: 'http',
    app_id: 'org.example.app',
    pushkey,
    app_display_name: 'App',
    device_display_name: 'Phone',
    lang: 'en',
    data: { url: GATEWAY_URL, format: 'event_id_only', ...data },
    ...extra,
  }
}

/** Sets a pusher that must be accepted. */
export async function setPusher(
  who: TestSession,
  pushkey: string,
  extra: Readonly<Record<string, unknown>> = {},
  data: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  ok(await call('POST', '/pushers/set', { token: who.token, body: pusherBody(pushkey, extra, data) }))
}

/** Pushkeys of somebody's pushers. */
export async function pushkeysOf(who: Pick<TestSession, 'token'>): Promise<string[]> {
  const { pushers } = ok(await call('GET', '/pushers', { token: who.token })).body
  return pushers.map(({ pushkey }: { pushkey: string }) => pushkey).sort()
}
