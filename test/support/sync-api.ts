import { type Answer, call, type TestSession } from './api-client.ts'
import { ok } from './room-api.ts'

/*
 * Polls over the HTTP API, for tests that look at responses one by one.
 */

/** Query parameters of a poll. */
export type PollParams = Readonly<Record<string, string | number | boolean>>

/** One room of a response. */
export interface SyncedRoom {
  readonly timeline: { readonly events: readonly SyncedEvent[]; readonly limited: boolean; readonly prev_batch?: string }
  readonly state?: { readonly events: readonly SyncedEvent[] }
  readonly state_after?: { readonly events: readonly SyncedEvent[] }
  readonly 'org.matrix.msc4222.state_after'?: { readonly events: readonly SyncedEvent[] }
  readonly account_data: { readonly events: readonly SyncedEvent[] }
}

export interface SyncedEvent {
  readonly type: string
  readonly state_key?: string
  readonly event_id: string
  readonly content: { readonly body?: string; readonly membership?: string }
}

/** A response, as far as tests look at it. */
export interface Synced {
  readonly next_batch: string
  readonly rooms: {
    readonly join: Readonly<Record<string, SyncedRoom>>
    readonly invite: Readonly<Record<string, { readonly invite_state: { readonly events: readonly SyncedEvent[] } }>>
    readonly knock: Readonly<Record<string, { readonly knock_state: { readonly events: readonly SyncedEvent[] } }>>
    readonly leave: Readonly<Record<string, SyncedRoom>>
  }
  readonly account_data: { readonly events: readonly SyncedEvent[] }
}

/** Sends a poll, whatever the answer. */
export function poll(who: Pick<TestSession, 'token'>, since: string | undefined, params: PollParams = {}): Promise<Answer> {
  const query = new URLSearchParams(Object.entries(params).map(([key, value]) => [key, String(value)]))
  if (since !== undefined) query.set('since', since)
  return call('GET', `/sync?${query}`, { token: who.token })
}

/** A poll that must be answered with 200. */
export async function sync(who: Pick<TestSession, 'token'>, since?: string, params: PollParams = {}): Promise<Synced> {
  return ok(await poll(who, since, params)).body
}

/** Bodies of the messages that a response has of a room. */
export function bodiesOf({ rooms }: Synced, roomId: string): string[] {
  return (rooms.join[roomId] ?? rooms.leave[roomId])?.timeline.events.flatMap(({ content }) => content.body ?? []) ?? []
}

/** A client that polls until a room has brought so many messages; answers their bodies in the order in which they came. */
export async function followUntil(
  who: Pick<TestSession, 'token'>,
  since: string,
  roomId: string,
  count: number,
): Promise<{ readonly bodies: string[]; readonly next: string }> {
  const bodies: string[] = []
  let next = since
  for (let polls = 0; bodies.length < count && polls < 50; polls += 1) {
    const answer = await sync(who, next, { timeout: 3000 })
    bodies.push(...bodiesOf(answer, roomId))
    next = answer.next_batch
  }
  return { bodies, next }
}
