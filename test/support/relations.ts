import { type Answer, call, type TestSession } from './api-client.ts'
import { enc, ok } from './room-api.ts'

/*
 * Events that relate to others, over the HTTP API.
 */

/** An event as clients see it, as far as these tests look. */
export interface SeenEvent {
  readonly event_id: string
  readonly room_id?: string
  readonly type: string
  readonly sender: string
  readonly content: Readonly<Record<string, unknown>>
  readonly unsigned: { readonly 'm.relations'?: Bundle }
}

/** What is bundled with an event. */
export interface Bundle {
  readonly 'm.replace'?: SeenEvent
  readonly 'm.reference'?: { readonly chunk: readonly { readonly event_id: string }[] }
  readonly 'm.thread'?: { readonly latest_event: SeenEvent; readonly count: number; readonly current_user_participated: boolean }
}

type Content = Readonly<Record<string, unknown>>

export const text = (body: string): Content => ({ msgtype: 'm.text', body })

/** Content that states a relation. */
export function relating(relType: string, eventId: string, content: Content = text(relType), more: Content = {}): Content {
  return { ...content, 'm.relates_to': { rel_type: relType, event_id: eventId, ...more } }
}

/** A proper edit. */
export function edit(eventId: string, body: string): Content {
  return relating('m.replace', eventId, { ...text(`* ${body}`), 'm.new_content': text(body) })
}

let transactions = 0

/** Sends a message event; the answer may be a refusal. */
export function trySend(who: TestSession, roomId: string, content: Content, type = 'm.room.message'): Promise<Answer> {
  transactions += 1
  return call('PUT', `/rooms/${enc(roomId)}/send/${enc(type)}/rel${transactions}`, { token: who.token, body: content })
}

/** Sends a message event; its ID. */
export async function send(who: TestSession, roomId: string, content: Content, type?: string): Promise<string> {
  return ok(await trySend(who, roomId, content, type)).body.event_id
}

/** A page of `/relations`; `path` is what follows the parent's ID. */
export function relations(
  who: TestSession,
  roomId: string,
  eventId: string,
  path = '',
  query: Record<string, string> = {},
): Promise<Answer> {
  const base = `/_matrix/client/v1/rooms/${enc(roomId)}/relations/${enc(eventId)}${path}`
  return call('GET', `${base}?${new URLSearchParams(query)}`, { token: who.token })
}

/** A page of `/threads`. */
export function threads(who: TestSession, roomId: string, query: Record<string, string> = {}): Promise<Answer> {
  return call('GET', `/_matrix/client/v1/rooms/${enc(roomId)}/threads?${new URLSearchParams(query)}`, { token: who.token })
}

/** IDs of a page's chunk. */
export function idsOf(answer: Answer): string[] {
  return ok(answer).body.chunk.map(({ event_id }: SeenEvent) => event_id)
}

/** One event, through `/event`. */
export async function eventOf(who: TestSession, roomId: string, eventId: string): Promise<SeenEvent> {
  return ok(await call('GET', `/rooms/${enc(roomId)}/event/${enc(eventId)}`, { token: who.token })).body
}

/** What is bundled with an event, through `/event`. */
export async function bundleOf(who: TestSession, roomId: string, eventId: string): Promise<Bundle> {
  return (await eventOf(who, roomId, eventId)).unsigned['m.relations'] ?? {}
}

/** Ignores some users, and no others. */
export async function ignore(who: TestSession, ...userIds: string[]): Promise<void> {
  const body = { ignored_users: Object.fromEntries(userIds.map((userId) => [userId, {}])) }
  ok(await call('PUT', `/user/${enc(who.userId)}/account_data/m.ignored_user_list`, { token: who.token, body }))
}
