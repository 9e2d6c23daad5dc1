import { type Answer, call, registerAccount, type TestSession } from './api-client.ts'

/*
 * Rooms over the HTTP API, for tests that look at statuses.
 */

/** A path segment. */
export const enc = encodeURIComponent

/** Registers several accounts at once. */
export function people(count: number): Promise<TestSession[]> {
  return Promise.all(Array.from({ length: count }, () => registerAccount()))
}

/** An answer that must be 200. */
export function ok(answer: Answer): Answer {
  if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
  return answer
}

/** Creates a room; answers its ID. */
export async function createRoom(creator: TestSession, body: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return ok(await call('POST', '/createRoom', { token: creator.token, body })).body.room_id
}

export function join(who: TestSession, roomId: string): Promise<Answer> {
  return call('POST', `/join/${enc(roomId)}`, { token: who.token, body: {} })
}

export function leave(who: TestSession, roomId: string): Promise<Answer> {
  return call('POST', `/rooms/${enc(roomId)}/leave`, { token: who.token, body: {} })
}

export function knock(who: TestSession, roomId: string): Promise<Answer> {
  return call('POST', `/knock/${enc(roomId)}`, { token: who.token, body: {} })
}

/** Sets a display name. */
export async function nameThemselves(who: TestSession, displayname: string): Promise<void> {
  ok(await call('PUT', `/profile/${enc(who.userId)}/displayname`, { token: who.token, body: { displayname } }))
}

/** `invite`, `kick`, `ban` or `unban`. */
export function moderate(
  who: TestSession,
  action: 'invite' | 'kick' | 'ban' | 'unban',
  roomId: string,
  target: { readonly userId: string },
  reason?: string,
): Promise<Answer> {
  return call('POST', `/rooms/${enc(roomId)}/${action}`, { token: who.token, body: { user_id: target.userId, reason } })
}

let transactions = 0

/** Sends a text message. */
export function say(who: TestSession, roomId: string, body = 'hello', txnId?: string): Promise<Answer> {
  transactions += 1
  const path = `/rooms/${enc(roomId)}/send/m.room.message/${enc(txnId ?? `t${transactions}`)}`
  return call('PUT', path, { token: who.token, body: { msgtype: 'm.text', body } })
}

export function redact(who: TestSession, roomId: string, eventId: string): Promise<Answer> {
  transactions += 1
  return call('PUT', `/rooms/${enc(roomId)}/redact/${enc(eventId)}/r${transactions}`, { token: who.token, body: {} })
}

export function putState(
  who: TestSession,
  roomId: string,
  type: string,
  content: Readonly<Record<string, unknown>>,
  stateKey = '',
): Promise<Answer> {
  return call('PUT', `/rooms/${enc(roomId)}/state/${enc(type)}/${enc(stateKey)}`, { token: who.token, body: content })
}

export function getState(who: TestSession, roomId: string, type: string, stateKey = ''): Promise<Answer> {
  return call('GET', `/rooms/${enc(roomId)}/state/${enc(type)}/${enc(stateKey)}`, { token: who.token })
}

/** Content of a membership event, as somebody in the room sees it. */
export async function memberContent(
  who: TestSession,
  roomId: string,
  userId: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const answer = await getState(who, roomId, 'm.room.member', userId)
  return answer.status === 404 ? undefined : ok(answer).body
}

/** IDs of the events that somebody may read, newest first. */
export async function readableEvents(who: TestSession, roomId: string): Promise<string[]> {
  const answer = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=1000`, { token: who.token }))
  return answer.body.chunk.map((event: { readonly event_id: string }) => event.event_id)
}
