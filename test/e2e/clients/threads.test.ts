import { type MatrixClient, NotificationCountType, Preset, type Room, type Thread } from 'matrix-js-sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Login } from '../../support/matrix-client.ts'
import { liveEvents, logInWithSdk, registerWithSdk, sdkRoom, startSdkClient, waitUntil } from '../../support/sdk-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const PASSWORD = 'correct horse battery staple'
/** More than a client's first sync brings. */
const REPLIES = 30

const text = (body: string) => ({ msgtype: 'm.text', body })
const inThread = (root: string, body: string, more: Readonly<Record<string, unknown>> = {}) => ({
  ...text(body),
  ...more,
  'm.relates_to': { rel_type: 'm.thread', event_id: root },
})

/** Sends a message event of any content, as typed clients would not all allow. */
async function send(client: MatrixClient, roomId: string, content: Readonly<Record<string, unknown>>): Promise<string> {
  const txnId = encodeURIComponent(client.makeTxnId())
  const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${txnId}`
  return (await client.http.authedRequest<{ event_id: string }>('PUT' as never, path, undefined, content)).event_id
}

function threadOf(room: Room, root: string): Thread {
  const thread = room.getThread(root)
  if (thread === null) throw new Error(`no thread ${root}`)
  return thread
}

const bodiesOf = (thread: Thread): unknown[] => thread.timeline.map((event) => event.getContent().body)

/** Steps of one story: each builds on those before it. */
describe('threads with matrix-js-sdk', () => {
  let server: ServerProcess
  let alice: MatrixClient
  let bob: MatrixClient
  let roomId: string
  let root: string
  let other: string
  let broken = false

  beforeEach(({ skip }) => skip(broken, 'an earlier step failed'))
  afterEach(({ task }) => {
    broken ||= task.result?.state === 'fail'
  })

  beforeAll(async () => {
    server = await startServerProcess()
    await registerWithSdk(server.url, 'alice', PASSWORD)
    const bobLogin = await registerWithSdk(server.url, 'bob', PASSWORD)
    alice = await startSdkClient(server.url, await logInWithSdk(server.url, 'alice', PASSWORD), { threadSupport: true })
    bob = await startSdkClient(server.url, bobLogin, { threadSupport: true })
    roomId = (await alice.createRoom({ name: 'Threads', preset: Preset.PublicChat })).room_id
    await bob.joinRoom(roomId)
    await waitUntil('the room', () => bob.getRoom(roomId)?.getMyMembership() === 'join')
  }, 60_000)

  afterAll(async () => {
    alice?.stopClient()
    bob?.stopClient()
    await server?.stop()
  })

  it('grow while both watch', async () => {
    root = await send(alice, roomId, text('root'))
    await send(bob, roomId, inThread(root, 'reply 0'))
    // What comes while the SDK makes its thread it counts twice, or not at all.
    await waitUntil('the threads', () =>
      [alice, bob].every((client) => client.getRoom(roomId)?.getThread(root)?.initialEventsFetched === true),
    )
    for (let n = 1; n < REPLIES; n += 1) await send(n % 2 === 0 ? bob : alice, roomId, inThread(root, `reply ${n}`))
    const replies = Array.from({ length: REPLIES }, (_, n) => `reply ${n}`)
    const repliesOf = (client: MatrixClient): unknown[] =>
      bodiesOf(threadOf(sdkRoom(client, roomId), root)).filter((body) => body !== 'root')
    for (const client of [alice, bob]) await waitUntil('the thread', () => repliesOf(client).length >= REPLIES)
    for (const client of [alice, bob]) expect(repliesOf(client).toSorted()).toEqual(replies.toSorted())
    // Replies are in their thread, and not in the main timeline.
    expect(liveEvents(alice, roomId).map((event) => event.getContent().body)).not.toContain('reply 0')
  })

  it('are counted apart, and read apart', async () => {
    other = await send(alice, roomId, text('other'))
    await send(alice, roomId, inThread(other, 'to be read', { 'm.mentions': { user_ids: [bob.getSafeUserId()] } }))
    const room = sdkRoom(bob, roomId)
    const unread = (type: NotificationCountType): number => room.getThreadUnreadNotificationCount(other, type)
    await waitUntil('the count', () => unread(NotificationCountType.Total) === 1 && unread(NotificationCountType.Highlight) === 1)
    await waitUntil('the reply', () => (room.getThread(other)?.replyToEvent ?? null) !== null)
    const last = threadOf(room, other).replyToEvent
    if (last === null) throw new Error('no reply')
    await bob.sendReadReceipt(last)
    await waitUntil('the read count', () => unread(NotificationCountType.Total) === 0)
    expect(room.getThreadUnreadNotificationCount(root, NotificationCountType.Total)).toBeGreaterThan(0)
  })

  it('are listed, with what is latest in them, for a client that was not there', async () => {
    const fresh = await startSdkClient(server.url, await logInWithSdk(server.url, 'bob', PASSWORD), {
      threadSupport: true,
      initialSyncLimit: 3,
    })
    try {
      const room = sdkRoom(fresh, roomId)
      await room.createThreadsTimelineSets()
      await room.fetchRoomThreads()
      // A thread that the timeline shows first is there before what the server says of it has been read.
      await waitUntil('both threads', () => room.getThreads().length === 2 && threadOf(room, root).length === REPLIES)
      expect(threadOf(room, root).hasCurrentUserParticipated).toBe(true)
      expect(threadOf(room, other).hasCurrentUserParticipated).toBe(false)
      expect(threadOf(room, root).replyToEvent?.getContent().body).toBe(`reply ${REPLIES - 1}`)
      const thread = threadOf(room, root)
      // The whole thread is read back through /relations.
      for (let page = 0; page < 10 && bodiesOf(thread).length <= REPLIES; page += 1) {
        const more = await fresh.paginateEventTimeline(thread.liveTimeline, { backwards: true, limit: 10 })
        if (!more) break
      }
      const replies = Array.from({ length: REPLIES }, (_, n) => `reply ${n}`)
      expect(bodiesOf(thread)).toEqual(['root', ...replies])
    } finally {
      fresh.stopClient()
    }
  })

  it('show edits to a client that was not there, in the room and in the thread', async () => {
    const replacement = (target: string, body: string) => ({
      ...text(`* ${body}`),
      'm.new_content': text(body),
      'm.relates_to': { rel_type: 'm.replace', event_id: target },
    })
    const reply = await send(bob, roomId, inThread(other, 'typo'))
    await send(bob, roomId, replacement(reply, 'no typo'))
    await send(alice, roomId, replacement(other, 'other, better'))
    for (let n = 0; n < 5; n += 1) await send(alice, roomId, text(`later ${n}`))
    const fresh = await startSdkClient(server.url, await logInWithSdk(server.url, 'alice', PASSWORD), {
      threadSupport: true,
      initialSyncLimit: 5,
    })
    try {
      const room = sdkRoom(fresh, roomId)
      await fresh.scrollback(room, 50)
      expect(room.findEventById(other)?.getContent().body).toBe('other, better')
      await room.createThreadsTimelineSets()
      await room.fetchRoomThreads()
      await waitUntil('the edited reply', () => room.getThread(other)?.replyToEvent?.getContent().body === 'no typo')
    } finally {
      fresh.stopClient()
    }
  })

  it('lose what is redacted', async () => {
    const gone = await send(bob, roomId, inThread(other, 'to be gone'))
    await waitUntil('the reply', () => threadOf(sdkRoom(alice, roomId), other).replyToEvent?.getId() === gone)
    await bob.redactEvent(roomId, gone)
    await waitUntil('its end', () => threadOf(sdkRoom(alice, roomId), other).replyToEvent?.getContent().body === 'no typo')
  })
})

describe('thread subscriptions, switched on', () => {
  let server: ServerProcess
  let alice: Login
  let bob: Login
  let transactions = 0

  beforeAll(async () => {
    server = await startServerProcess({ env: { MYELIN_THREAD_SUBSCRIPTIONS: 'on' } })
    alice = await registerWithSdk(server.url, 'alice', PASSWORD)
    bob = await registerWithSdk(server.url, 'bob', PASSWORD)
  }, 60_000)

  afterAll(async () => {
    await server?.stop()
  })

  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape.
  async function request(who: Login, method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(`${server.url}/_matrix/client/${path}`, {
      method,
      headers: { Authorization: `Bearer ${who.accessToken}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = await response.json()
    if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`)
    return answer
  }

  it('are advertised, and decide what counts in a thread', async () => {
    const { room_id: roomId } = await request(alice, 'POST', 'v3/createRoom', { preset: 'public_chat' })
    await request(bob, 'POST', `v3/join/${encodeURIComponent(roomId)}`, {})
    const say = async (content: unknown): Promise<string> => {
      transactions += 1
      return (await request(alice, 'PUT', `v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${transactions}`, content)).event_id
    }
    const counts = async () => {
      const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } }))
      const room = (await request(bob, 'GET', `v3/sync?filter=${filter}`)).rooms.join[roomId]
      return {
        main: room.unread_notifications.notification_count,
        thread: room.unread_thread_notifications?.[root]?.notification_count ?? 0,
      }
    }
    expect((await request(bob, 'GET', 'versions')).unstable_features['org.matrix.msc4306']).toBe(true)
    expect((await request(bob, 'GET', 'v3/pushrules/')).global.postcontent).toHaveLength(2)
    const root = await say(text('root'))
    await say(inThread(root, 'unsubscribed'))
    expect(await counts()).toEqual({ main: 1, thread: 0 })
    await say(inThread(root, 'mention', { 'm.mentions': { user_ids: [bob.userId] } }))
    expect(await counts()).toEqual({ main: 1, thread: 1 })
    const path = `unstable/io.element.msc4306/rooms/${encodeURIComponent(roomId)}/thread/${encodeURIComponent(root)}/subscription`
    await request(bob, 'PUT', path, {})
    await say(inThread(root, 'subscribed'))
    expect(await counts()).toEqual({ main: 1, thread: 2 })
    await request(bob, 'DELETE', path)
    await say(inThread(root, 'unsubscribed again'))
    expect(await counts()).toEqual({ main: 1, thread: 2 })
    const rule = 'v3/pushrules/global/postcontent/.io.element.msc4306.rule.unsubscribed_thread'
    await request(bob, 'PUT', `${rule}/enabled`, { enabled: false })
    expect(await request(bob, 'GET', `${rule}/enabled`)).toEqual({ enabled: false })
    await say(inThread(root, 'counts like any message'))
    expect(await counts()).toEqual({ main: 1, thread: 3 })
    await expect(request(bob, 'PUT', 'v3/pushrules/global/postcontent/mine', { actions: ['notify'] })).rejects.toThrow('M_INVALID_PARAM')
  })
})
