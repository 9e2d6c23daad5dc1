import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { type Answer, call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, leave, ok, people, say } from '../../../support/room-api.ts'

type Pair = [TestSession, TestSession]
type Receipts = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, { readonly ts: number; readonly thread_id?: string }>>>>>
>

function type(who: TestSession, roomId: string, typing: boolean, timeout?: number, userId = who.userId): Promise<Answer> {
  return call('PUT', `/rooms/${enc(roomId)}/typing/${enc(userId)}`, { token: who.token, body: { typing, timeout } })
}

function read(who: TestSession, roomId: string, eventId: string, kind = 'm.read', body: unknown = {}): Promise<Answer> {
  return call('POST', `/rooms/${enc(roomId)}/receipt/${kind}/${enc(eventId)}`, { token: who.token, body })
}

function mark(who: TestSession, roomId: string, body: unknown): Promise<Answer> {
  return call('POST', `/rooms/${enc(roomId)}/read_markers`, { token: who.token, body })
}

async function sync(who: TestSession, since?: string, timeoutMs = 0) {
  const query = new URLSearchParams({ timeout: `${timeoutMs}`, ...(since === undefined ? {} : { since }) })
  return ok(await call('GET', `/sync?${query}`, { token: who.token })).body
}

/** Follows syncs until the room says something of a type; answers its content and the next token. */
async function waitFor(who: TestSession, roomId: string, eventType: string, since: string) {
  let token = since
  for (let polls = 0; polls < 20; polls += 1) {
    const answer = await sync(who, token, 5000)
    token = answer.next_batch
    const room = answer.rooms?.join?.[roomId]
    const found = room?.ephemeral?.events?.find((event: { readonly type: string }) => event.type === eventType)
    if (found !== undefined) return { content: found.content, next: token }
  }
  throw new Error(`no ${eventType} came`)
}

async function receiptsSeenBy(who: TestSession, roomId: string): Promise<Receipts> {
  const room = (await sync(who)).rooms.join[roomId]
  return room.ephemeral?.events.find((event: { readonly type: string }) => event.type === 'm.receipt')?.content ?? {}
}

async function readMarkerOf(who: TestSession, roomId: string): Promise<unknown> {
  const answer = await call('GET', `/user/${enc(who.userId)}/rooms/${enc(roomId)}/account_data/m.fully_read`, { token: who.token })
  return answer.status === 404 ? undefined : ok(answer).body.event_id
}

function endRoom(roomId: string): Promise<unknown> {
  return env.ROOM.get(env.ROOM.idFromName(roomId))
    .abortForTest()
    .catch(() => undefined)
}

async function sharedRoom(): Promise<{ readonly alice: TestSession; readonly bob: TestSession; readonly roomId: string }> {
  const [alice, bob] = (await people(2)) as Pair
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, roomId }
}

/** A message in a thread. */
function inThread(who: TestSession, roomId: string, root: string, txnId: string): Promise<Answer> {
  const body = { body: 'x', msgtype: 'm.text', 'm.relates_to': { rel_type: 'm.thread', event_id: root } }
  return call('PUT', `/rooms/${enc(roomId)}/send/m.room.message/${txnId}`, { token: who.token, body })
}

describe('typing', () => {
  it('is told to the others, and its end too', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const { next_batch: start } = await sync(bob)
    ok(await type(alice, roomId, true, 30_000))
    const began = await waitFor(bob, roomId, 'm.typing', start)
    expect(began.content).toEqual({ user_ids: [alice.userId] })
    ok(await type(alice, roomId, false))
    expect((await waitFor(bob, roomId, 'm.typing', began.next)).content).toEqual({ user_ids: [] })
  })

  it('ends by itself, which wakes those who wait', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const { next_batch: start } = await sync(bob)
    ok(await type(alice, roomId, true, 100))
    ok(await type(bob, roomId, true, 30_000))
    let { content, next } = await waitFor(bob, roomId, 'm.typing', start)
    while (content.user_ids.includes(alice.userId)) ({ content, next } = await waitFor(bob, roomId, 'm.typing', next))
    expect(content).toEqual({ user_ids: [bob.userId] })
  })

  it('ends when somebody leaves', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    ok(await type(bob, roomId, true, 30_000))
    const { next_batch: start } = await sync(alice)
    ok(await leave(bob, roomId))
    expect((await waitFor(alice, roomId, 'm.typing', start)).content).toEqual({ user_ids: [] })
  })

  it('is forgotten by a new life of the room, and clients hear of that', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    ok(await type(alice, roomId, true, 30_000))
    const { next_batch: start } = await sync(bob)
    await endRoom(roomId)
    ok(await say(alice, roomId))
    expect((await waitFor(bob, roomId, 'm.typing', start)).content).toEqual({ user_ids: [] })
  })

  it('is for oneself, inside the room', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    expect(await type(alice, roomId, true, 1000, bob.userId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    ok(await leave(bob, roomId))
    expect(await type(bob, roomId, true)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await call('PUT', `/rooms/${enc(roomId)}/typing/${enc(alice.userId)}`, { token: alice.token, body: {} })).toMatchObject({
      status: 400,
      body: { errcode: 'M_MISSING_PARAM' },
    })
  })

  it('costs no commit', async () => {
    const { costsOfRequest } = await import('../../../../src/runtime/metrics.ts')
    const { alice, roomId } = await sharedRoom()
    const answer = ok(await type(alice, roomId, true, 50))
    expect(costsOfRequest(answer.headers.get('x-request-id') ?? '')).toEqual({ rpc: 2 })
  })
})

describe('receipts', () => {
  it('are told to the others as they are', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const eventId = ok(await say(alice, roomId)).body.event_id
    const { next_batch: start } = await sync(alice)
    ok(await read(bob, roomId, eventId))
    const { content } = await waitFor(alice, roomId, 'm.receipt', start)
    expect(content).toEqual({ [eventId]: { 'm.read': { [bob.userId]: { ts: expect.any(Number) } } } })
  })

  it('in private are told to nobody but their owner', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const eventId = ok(await say(alice, roomId)).body.event_id
    const { next_batch: start } = await sync(bob)
    ok(await read(bob, roomId, eventId, 'm.read.private'))
    const { content } = await waitFor(bob, roomId, 'm.receipt', start)
    expect(content).toEqual({ [eventId]: { 'm.read.private': { [bob.userId]: { ts: expect.any(Number) } } } })
    expect(await receiptsSeenBy(alice, roomId)).toEqual({})
  })

  it('move forwards only', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const first = ok(await say(alice, roomId)).body.event_id
    const second = ok(await say(alice, roomId)).body.event_id
    ok(await read(bob, roomId, second))
    ok(await read(bob, roomId, first))
    expect(Object.keys(await receiptsSeenBy(alice, roomId))).toEqual([second])
  })

  it('are kept apart by thread', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const root = ok(await say(alice, roomId)).body.event_id
    const reply = ok(await inThread(alice, roomId, root, 'reply')).body.event_id
    const last = ok(await say(alice, roomId)).body.event_id
    ok(await read(bob, roomId, root, 'm.read', { thread_id: 'main' }))
    ok(await read(bob, roomId, reply, 'm.read', { thread_id: root }))
    ok(await read(bob, roomId, last))
    expect(await receiptsSeenBy(alice, roomId)).toEqual({
      [root]: { 'm.read': { [bob.userId]: { ts: expect.any(Number), thread_id: 'main' } } },
      [reply]: { 'm.read': { [bob.userId]: { ts: expect.any(Number), thread_id: root } } },
      [last]: { 'm.read': { [bob.userId]: { ts: expect.any(Number) } } },
    })
    ok(await read(bob, roomId, root, 'm.read', { thread_id: root }))
    const bad = [
      [reply, 'm.read', { thread_id: 'main' }],
      [last, 'm.read', { thread_id: root }],
      [last, 'm.read', { thread_id: '' }],
      [last, 'm.read', { thread_id: 7 }],
      [last, 'm.fully_read', { thread_id: 'main' }],
    ] as const
    for (const [eventId, kind, body] of bad) {
      expect(await read(bob, roomId, eventId, kind, body)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    }
  })

  it('outlive the room’s object once something is committed', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const eventId = ok(await say(alice, roomId)).body.event_id
    ok(await read(bob, roomId, eventId))
    ok(await say(alice, roomId))
    await endRoom(roomId)
    expect(Object.keys(await receiptsSeenBy(alice, roomId))).toEqual([eventId])
  })

  it('are shown to newcomers before they are written', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const eventId = ok(await say(alice, roomId)).body.event_id
    ok(await read(bob, roomId, eventId))
    const [carol] = (await people(1)) as [TestSession]
    ok(await join(carol, roomId))
    expect(Object.keys(await receiptsSeenBy(carol, roomId))).toEqual([eventId])
  })

  it('for events that nobody knows are left out', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    ok(await read(bob, roomId, '$unknown'))
    expect(await receiptsSeenBy(alice, roomId)).toEqual({})
    expect(await read(bob, roomId, 'event')).toMatchObject({ status: 400 })
    expect(await read(bob, roomId, '$unknown', 'm.seen')).toMatchObject({ status: 400 })
  })

  it('are for members', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const eventId = ok(await say(alice, roomId)).body.event_id
    ok(await leave(bob, roomId))
    expect(await read(bob, roomId, eventId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await mark(bob, roomId, { 'm.fully_read': eventId })).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await readMarkerOf(bob, roomId)).toBeUndefined()
  })
})

describe('the read marker', () => {
  it('is account data that moves forwards', async () => {
    const { alice, bob, roomId } = await sharedRoom()
    const first = ok(await say(alice, roomId)).body.event_id
    const second = ok(await say(alice, roomId)).body.event_id
    ok(await mark(bob, roomId, { 'm.fully_read': first, 'm.read': first, 'm.read.private': second }))
    expect(await readMarkerOf(bob, roomId)).toBe(first)
    expect(await receiptsSeenBy(bob, roomId)).toEqual({
      [first]: { 'm.read': { [bob.userId]: { ts: expect.any(Number) } } },
      [second]: { 'm.read.private': { [bob.userId]: { ts: expect.any(Number) } } },
    })
    ok(await read(bob, roomId, second, 'm.fully_read'))
    expect(await readMarkerOf(bob, roomId)).toBe(second)
    ok(await mark(bob, roomId, { 'm.fully_read': first }))
    expect(await readMarkerOf(bob, roomId)).toBe(second)
    ok(await mark(bob, roomId, {}))
  })

  it('stands at an event of the room', async () => {
    const { bob, roomId } = await sharedRoom()
    expect(await mark(bob, roomId, { 'm.fully_read': '$unknown' })).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(await readMarkerOf(bob, roomId)).toBeUndefined()
  })
})
