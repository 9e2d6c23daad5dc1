import { runDurableObjectAlarm } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { costsOfRequest } from '../../../../src/runtime/metrics.ts'
import { advanceClock, endObject, home, roomStub } from '../../../support/crash-worker.ts'
import { MatrixClient, MatrixRequestError } from '../../../support/matrix-client.ts'
import { SlidingObserver } from '../../../support/sliding-observer.ts'

/*
 * Simplified sliding sync as clients shipped it, and the form in which it was merged (MSC4186).
 */

let names = 0
async function person(): Promise<MatrixClient> {
  names += 1
  return await MatrixClient.register(home, `slider${names}`)
}

async function pair(): Promise<{ alice: MatrixClient; bob: MatrixClient }> {
  return { alice: await person(), bob: await person() }
}

async function sharedRoom(alice: MatrixClient, bob: MatrixClient, body: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const roomId = await alice.createRoom({ preset: 'public_chat', ...body })
  await bob.join(roomId)
  return roomId
}

const say = (who: MatrixClient, roomId: string, text: string) => who.send(roomId, text, who.nextTransaction())

const NAMES = [
  ['m.room.name', ''],
  ['m.room.member', '$ME'],
]
const list = (first: number, last: number, more: Readonly<Record<string, unknown>> = {}) => ({
  lists: { all: { ranges: [[first, last]], timeline_limit: 1, required_state: NAMES, ...more } },
})
const subscribed = (roomId: string, limit: number, state: unknown = NAMES) => ({
  room_subscriptions: { [roomId]: { timeline_limit: limit, required_state: state } },
})

const ids = (events: readonly { readonly event_id: string }[] | undefined) => (events ?? []).map(({ event_id }) => event_id)

describe('lists', () => {
  it('gives the rooms of the window in order of activity, then only what is new', async () => {
    const { alice, bob } = await pair()
    const roomIds: string[] = []
    for (let n = 0; n < 5; n += 1) roomIds.push(await sharedRoom(alice, bob, { name: `room ${n}` }))
    const [first = '', , third = ''] = roomIds
    const latest = await say(alice, first, 'newest')
    const observer = new SlidingObserver(bob, 'room-list')
    const start = await observer.once(list(0, 2))
    expect(start.lists).toEqual({ all: { count: 5 } })
    expect(Object.keys(start.rooms).sort()).toEqual([first, roomIds[3], roomIds[4]].sort())
    expect(start.rooms[first]).toMatchObject({
      initial: true,
      name: 'room 0',
      joined_count: 2,
      invited_count: 0,
      notification_count: 1,
      is_dm: false,
    })
    expect(ids(start.rooms[first]?.timeline)).toEqual([latest])
    expect(start.rooms[first]?.bump_stamp).toBeGreaterThan(start.rooms[roomIds[4] ?? '']?.bump_stamp ?? 0)

    const grown = await observer.once(list(0, 9))
    expect(Object.keys(grown.rooms).sort()).toEqual([roomIds[1], third].sort())
    const idle = await observer.once(list(0, 9))
    expect(idle.rooms).toEqual({})

    const waiting = observer.once(list(0, 9), 10_000)
    const event = await say(alice, third, 'hello')
    const told = await waiting
    expect(Object.keys(told.rooms)).toEqual([third])
    expect(told.rooms[third]).toMatchObject({ num_live: 1, limited: false, notification_count: 1 })
    expect(told.rooms[third]?.initial).toBeUndefined()
    expect(ids(told.rooms[third]?.timeline)).toEqual([event])
  })

  it('does not wake for rooms outside the window, and brings them when they move into it', async () => {
    const { alice, bob } = await pair()
    const quiet = await sharedRoom(alice, bob)
    const top = await sharedRoom(alice, bob)
    const observer = new SlidingObserver(bob, 'room-list')
    const start = await observer.once(list(0, 0))
    expect(Object.keys(start.rooms)).toEqual([top])
    const event = await say(alice, quiet, 'up')
    const moved = await observer.once(list(0, 0), 10_000)
    expect(Object.keys(moved.rooms)).toEqual([quiet])
    expect(moved.rooms[quiet]).toMatchObject({ initial: true, num_live: 1 })
    expect(ids(moved.rooms[quiet]?.timeline)).toEqual([event])
  })

  it('filters by kind of room, encryption, direct messages, tags, invites and spaces', async () => {
    const { alice, bob } = await pair()
    const plain = await sharedRoom(alice, bob)
    const secret = await sharedRoom(alice, bob, {
      initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    })
    const space = await sharedRoom(alice, bob, { creation_content: { type: 'm.space' } })
    await alice.sendState(space, 'm.space.child', plain, { via: ['test.example'] })
    const invited = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    const put = (path: string, body: Readonly<Record<string, unknown>>) =>
      bob.call('PUT', `/v3/user/${encodeURIComponent(bob.userId)}${path}`, { body })
    await put('/account_data/m.direct', { [alice.userId]: [secret] })
    await put(`/rooms/${encodeURIComponent(plain)}/account_data/m.tag`, { tags: { 'm.favourite': {} } })
    const matching = async (filters: Readonly<Record<string, unknown>>) => {
      const response = await new SlidingObserver(bob, 'filters').once(list(0, 9, { filters }))
      expect(response.lists.all?.count).toBe(Object.keys(response.rooms).length)
      return Object.keys(response.rooms).sort()
    }
    expect(await matching({ is_encrypted: true })).toEqual([secret])
    expect(await matching({ is_dm: true })).toEqual([secret])
    expect(await matching({ is_invite: true })).toEqual([invited])
    expect(await matching({ room_types: ['m.space'] })).toEqual([space])
    expect(await matching({ not_room_types: ['m.space'], is_dm: false, is_invite: false })).toEqual([plain])
    expect(await matching({ tags: ['m.favourite'] })).toEqual([plain])
    expect(await matching({ not_tags: ['m.favourite'], is_invite: false })).toEqual([secret, space].sort())
    expect(await matching({ spaces: [space] })).toEqual([plain])
  })

  it('shows invites with stripped state, keeps those who were thrown out, and lets go of rooms that were left', async () => {
    const { alice, bob } = await pair()
    const invited = await alice.createRoom({ preset: 'private_chat', name: 'come in', invite: [bob.userId] })
    const kicked = await sharedRoom(alice, bob)
    const left = await sharedRoom(alice, bob)
    const observer = new SlidingObserver(bob, 'room-list')
    const start = await observer.once(list(0, 9))
    expect(start.rooms[invited]?.invite_state?.map(({ type }) => type)).toContain('m.room.name')
    expect(start.rooms[invited]?.timeline).toBeUndefined()
    await alice.moderate('kick', kicked, bob.userId)
    await bob.leave(left)
    await observer.once(list(0, 9))
    expect(observer.rooms.get(kicked)?.membership).toBe('leave')
    expect(observer.rooms.get(left)?.membership).toBe('leave')
    expect((await observer.once(list(0, 9))).lists.all?.count).toBe(2)
    await alice.moderate('kick', invited, bob.userId)
    const retracted = await observer.once(list(0, 9))
    expect(observer.rooms.get(invited)?.membership).toBe('leave')
    expect(retracted.rooms[invited]?.timeline).toBeUndefined()
    expect(Object.keys((await new SlidingObserver(bob, 'fresh').once(list(0, 9))).rooms)).toEqual([kicked])
  })
})

describe('subscriptions and configurations', () => {
  it('sends more of the timeline when more is asked for, at once and marked as such', async () => {
    const { alice, bob } = await pair()
    const roomId = await sharedRoom(alice, bob)
    const sent: string[] = []
    for (let n = 0; n < 6; n += 1) sent.push(await say(alice, roomId, `message ${n}`))
    const observer = new SlidingObserver(bob, 'room-list')
    await observer.once(list(0, 0))
    const expanded = await observer.once({ ...list(0, 0), ...subscribed(roomId, 5) }, 10_000)
    expect(expanded.rooms[roomId]).toMatchObject({ unstable_expanded_timeline: true, limited: true, num_live: 0 })
    expect(ids(expanded.rooms[roomId]?.timeline)).toEqual(sent.slice(1))
    expect((await observer.once({ ...list(0, 0), ...subscribed(roomId, 5) })).rooms).toEqual({})
  })

  it('knows $ME, $LAZY and wildcards, and sends state that is newly asked for', async () => {
    const { alice, bob } = await pair()
    const carol = await person()
    const roomId = await sharedRoom(alice, bob, { name: 'the room', topic: 'the topic' })
    await carol.join(roomId)
    await say(alice, roomId, 'hello')
    const observer = new SlidingObserver(bob, 'room-list')
    const lazy = [...NAMES, ['m.room.member', '$LAZY']]
    await observer.once(subscribed(roomId, 1, lazy))
    const known = () => [...(observer.rooms.get(roomId)?.state.keys() ?? [])].sort()
    expect(known()).toEqual([`m.room.member ${alice.userId}`, `m.room.member ${bob.userId}`, 'm.room.name '].sort())
    await observer.once(subscribed(roomId, 1, [...lazy, ['m.room.topic', '']]))
    expect(known()).toContain('m.room.topic ')
    await say(carol, roomId, 'me too')
    await observer.once(subscribed(roomId, 1, lazy))
    expect(known()).toContain(`m.room.member ${carol.userId}`)
    const all = await new SlidingObserver(bob, 'other').once(subscribed(roomId, 1, [['*', '*']]))
    expect(ids(all.rooms[roomId]?.required_state).sort()).toEqual(ids(await bob.state(roomId)).sort())
  })

  it('ignores rooms that the user has nothing to do with', async () => {
    const { alice, bob } = await pair()
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    const response = await new SlidingObserver(bob, 'room-list').once({ ...subscribed(roomId, 5), ...list(0, 9) })
    expect(response.rooms).toEqual({})
  })
})

describe('connections', () => {
  it('sends again what a lost response said, and goes on after crashes of account and room', async () => {
    const { alice, bob } = await pair()
    const roomId = await sharedRoom(alice, bob)
    const observer = new SlidingObserver(bob, 'room-list')
    await observer.once(list(0, 9))
    const event = await say(alice, roomId, 'one')
    const lost = await observer.ask(list(0, 9))
    const again = await observer.once(list(0, 9))
    expect(ids(lost.rooms[roomId]?.timeline)).toEqual([event])
    expect(ids(again.rooms[roomId]?.timeline)).toEqual([event])
    await endObject('user', bob.userId)
    await endObject('room', roomId)
    const second = await say(alice, roomId, 'two')
    const after = await observer.once(list(0, 9)).catch((cause: unknown) => cause)
    // Nothing of the connection had been written yet: it starts over.
    if (after instanceof MatrixRequestError) {
      expect(after.errcode).toBe('M_UNKNOWN_POS')
      observer.pos = undefined
      await observer.once(list(0, 9))
    }
    expect(observer.rooms.get(roomId)?.timeline.includes(second)).toBe(true)
  })

  it('goes on after a crash without sending rooms anew, once it has been written', async () => {
    const { alice, bob } = await pair()
    const quiet = await sharedRoom(alice, bob)
    const roomId = await sharedRoom(alice, bob)
    const observer = new SlidingObserver(bob, 'room-list')
    await observer.once(list(0, 9))
    await say(alice, roomId, 'one')
    await observer.once(list(0, 9))
    await observer.once(list(0, 9))
    // The room settles: the account writes everything that it has in memory.
    advanceClock(60_000)
    await runDurableObjectAlarm(roomStub(roomId))
    await say(alice, roomId, 'two')
    await observer.once(list(0, 9))
    await endObject('user', bob.userId)
    await endObject('room', roomId)
    const event = await say(alice, roomId, 'three')
    const after = await observer.once(list(0, 9))
    expect(Object.keys(after.rooms)).toEqual([roomId])
    expect(after.rooms[roomId]?.initial).toBeUndefined()
    expect(ids(after.rooms[roomId]?.timeline)).toContain(event)
    expect(observer.rooms.has(quiet)).toBe(true)
  })

  it('reads further back from a position', async () => {
    const { alice, bob } = await pair()
    const roomId = await sharedRoom(alice, bob)
    const event = await say(alice, roomId, 'one')
    const { pos } = await new SlidingObserver(bob, 'room-list').once(list(0, 9))
    await say(alice, roomId, 'two')
    const page = await bob.messages(roomId, { from: pos })
    expect(page.chunk[0]?.event_id).toBe(event)
  })

  it('refuses positions of others, of other connections and of long ago', async () => {
    const { alice, bob } = await pair()
    const roomId = await sharedRoom(alice, bob)
    const observer = new SlidingObserver(bob, 'room-list')
    const { pos: old } = await observer.once(list(0, 9))
    await say(alice, roomId, 'one')
    await observer.once(list(0, 9))
    await say(alice, roomId, 'two')
    await observer.once(list(0, 9))
    const refused = { errcode: 'M_UNKNOWN_POS', status: 400 }
    await expect(observer.ask(list(0, 9), 0, old)).rejects.toMatchObject(refused)
    await expect(new SlidingObserver(bob, 'other').ask(list(0, 9), 0, observer.pos)).rejects.toMatchObject(refused)
    await expect(new SlidingObserver(alice, 'room-list').ask(list(0, 9), 0, observer.pos)).rejects.toMatchObject(refused)
    await expect(observer.ask(list(0, 9), 0, 'nonsense')).rejects.toMatchObject(refused)
  })
})

describe('extensions', () => {
  const enabled = { enabled: true }

  it('tells account data, receipts and typing, and wakes for them', async () => {
    const { alice, bob } = await pair()
    const roomId = await sharedRoom(alice, bob)
    const body = { ...list(0, 9), extensions: { account_data: enabled, receipts: enabled, typing: enabled } }
    const observer = new SlidingObserver(bob, 'room-list')
    const start = await observer.once(body)
    expect(start.extensions.account_data.global.map(({ type }: { type: string }) => type)).toContain('m.push_rules')
    const encoded = encodeURIComponent(roomId)
    const typing = observer.once(body, 10_000)
    await alice.call('PUT', `/v3/rooms/${encoded}/typing/${encodeURIComponent(alice.userId)}`, { body: { typing: true, timeout: 20_000 } })
    expect((await typing).extensions.typing.rooms[roomId].content).toEqual({ user_ids: [alice.userId] })
    const event = await say(bob, roomId, 'read me')
    await observer.once(body)
    const receipts = observer.once(body, 10_000)
    await alice.call('POST', `/v3/rooms/${encoded}/receipt/m.read/${encodeURIComponent(event)}`, { body: {} })
    expect((await receipts).extensions.receipts.rooms[roomId].content[event]['m.read']).toHaveProperty([alice.userId])
    const tags = observer.once(body, 10_000)
    await bob.call('PUT', `/v3/user/${encodeURIComponent(bob.userId)}/rooms/${encoded}/account_data/m.tag`, { body: { tags: { x: {} } } })
    expect((await tags).extensions.account_data.rooms[roomId]).toEqual([{ type: 'm.tag', content: { tags: { x: {} } } }])
  })

  it('tells who types and who has read as a room comes into scope, again where it had dropped out', async () => {
    const { alice, bob } = await pair()
    const roomId = await sharedRoom(alice, bob)
    const encoded = encodeURIComponent(roomId)
    const event = await say(alice, roomId, 'read me')
    await alice.call('PUT', `/v3/rooms/${encoded}/typing/${encodeURIComponent(alice.userId)}`, { body: { typing: true, timeout: 30_000 } })
    await bob.call('POST', `/v3/rooms/${encoded}/receipt/m.read/${encodeURIComponent(event)}`, { body: {} })
    const observer = new SlidingObserver(bob, 'room-list')
    const scoped = { enabled: true, lists: [] }
    const outside = { ...list(0, 9), extensions: { typing: scoped, receipts: scoped } }
    const inside = { ...outside, ...subscribed(roomId, 1) }
    // In a list that the extensions are not for.
    expect((await observer.once(outside)).extensions).toEqual({})
    const types = { type: 'm.typing', content: { user_ids: [alice.userId] } }
    for (let times = 0; times < 2; times += 1) {
      const entered = await observer.once(inside)
      expect(entered.extensions.typing.rooms).toEqual({ [roomId]: types })
      expect(entered.extensions.receipts.rooms[roomId].content[event]['m.read']).toHaveProperty([bob.userId])
      expect((await observer.once(inside)).extensions).toEqual({})
      expect((await observer.once(outside)).extensions).toEqual({})
    }
    // Sent again to a client that did not get it.
    expect((await observer.ask(inside)).extensions.typing.rooms).toEqual({ [roomId]: types })
    expect((await observer.once(inside)).extensions.typing.rooms).toEqual({ [roomId]: types })
  })

  it('acknowledges to-device messages by its own position only, and announces devices of those who join', async () => {
    const { alice, bob } = await pair()
    const body = (since?: string) => ({ extensions: { to_device: { ...enabled, since }, e2ee: enabled } })
    const observer = new SlidingObserver(bob, 'encryption')
    const start = await observer.once(body())
    expect(start.extensions.e2ee.device_one_time_keys_count).toEqual({ signed_curve25519: 0 })
    const waiting = observer.once(body(start.extensions.to_device.next_batch), 10_000)
    const messages = { messages: { [bob.userId]: { '*': { hello: 1 } } } }
    await alice.call('PUT', `/v3/sendToDevice/m.test/${alice.nextTransaction()}`, { body: messages })
    const first = await waiting
    expect(first.extensions.to_device.events).toMatchObject([{ type: 'm.test', content: { hello: 1 }, sender: alice.userId }])
    const unacknowledged = await observer.once(body(start.extensions.to_device.next_batch))
    expect(unacknowledged.extensions.to_device.events).toHaveLength(1)
    const acknowledged = await observer.once(body(first.extensions.to_device.next_batch))
    expect(acknowledged.extensions.to_device.events).toEqual([])
    const roomId = await bob.createRoom({ preset: 'public_chat' })
    await observer.once(body(first.extensions.to_device.next_batch))
    await alice.join(roomId)
    const joined = await observer.once(body(first.extensions.to_device.next_batch), 10_000)
    expect(joined.extensions.e2ee.device_lists.changed).toContain(alice.userId)
  })
})

describe('budgets', () => {
  /** What one request cost, by kind. */
  async function costOf(who: MatrixClient, body: object, pos?: string) {
    const query = pos === undefined ? '' : `?pos=${encodeURIComponent(pos)}`
    const response = await home.fetch(`${home.url}/_matrix/client/unstable/org.matrix.simplified_msc3575/sync${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${who.accessToken}` },
      body: JSON.stringify({ ...body, conn_id: 'budget' }),
    })
    const answer: { readonly pos: string } = await response.json()
    return { pos: answer.pos, costs: costsOfRequest(response.headers.get('x-request-id') ?? '') }
  }

  it('asks the account and the rooms of the window, and with nothing new the account alone', async () => {
    const { alice, bob } = await pair()
    for (let n = 0; n < 5; n += 1) await sharedRoom(alice, bob)
    await endObject('user', bob.userId)
    const start = await costOf(bob, list(0, 1))
    expect(start.costs).toEqual({ rpc: 3 })
    const idle = await costOf(bob, list(0, 1), start.pos)
    expect(idle.costs).toEqual({ rpc: 1 })
  })
})

describe('the merged form', () => {
  it('has its own names for the same things', async () => {
    const { alice, bob } = await pair()
    const roomId = await sharedRoom(alice, bob, { name: 'the room' })
    const invited = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    const body = {
      lists: {
        all: {
          range: [0, 9],
          timeline_limit: 1,
          required_state: { include: [{ type: 'm.room.name', state_key: '' }], lazy_members: true },
        },
      },
      extensions: { 'org.matrix.msc4508.typing': { enabled: true } },
    }
    const observer = new SlidingObserver(bob, 'main', 'v4')
    const start = await observer.once(body)
    expect(start.rooms[roomId]).toMatchObject({ initial: true, membership: 'join', lists: ['all'], name: 'the room' })
    expect(start.rooms[roomId]).not.toHaveProperty('notification_count')
    expect(start.rooms[invited]).toMatchObject({ membership: 'invite' })
    expect(start.rooms[invited]?.stripped_state).toBeDefined()
    await alice.sendState(roomId, 'm.room.name', '', {})
    const renamed = await observer.once(body)
    expect(renamed.rooms[roomId]?.name).toBeNull()
    expect(renamed.rooms[roomId]?.heroes?.map(({ user_id }) => user_id)).toEqual([alice.userId])
    const many = Object.fromEntries(
      Array.from({ length: 101 }, (_, n) => [`!r${n}:test.example`, { timeline_limit: 1, required_state: {} }]),
    )
    await expect(observer.ask({ room_subscriptions: many })).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
    const misnamed = { 'a list': { timeline_limit: 1, required_state: {} } }
    await expect(observer.ask({ lists: misnamed })).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
    // An asterisk is no name for everything here (MSC4508).
    await alice.call('PUT', `/v3/rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(alice.userId)}`, {
      body: { typing: true, timeout: 30_000 },
    })
    const nowhere = { 'org.matrix.msc4508.typing': { enabled: true, lists: ['*'] } }
    expect((await new SlidingObserver(bob, 'other', 'v4').once({ ...body, extensions: nowhere })).extensions).toEqual({})
    const everywhere = await new SlidingObserver(bob, 'third', 'v4').once(body)
    expect(everywhere.extensions['org.matrix.msc4508.typing'].rooms[roomId]).toEqual({ user_ids: [alice.userId] })
  })
})
