import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import { DeviceObserver } from '../../../support/device-observer.ts'
import { eventually } from '../../../support/federation-pair.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { bodyOf } from '../../../support/hostile-server.ts'
import { type HostileWorld, heard, type SharedRoom, shareRoom, startHostileWorld } from '../../../support/hostile-world.ts'

let world: HostileWorld
let peer: HostilePeer
let stranger: HostilePeer
let alice: DeviceObserver
let shared: SharedRoom
let eve: string
let names = 0

beforeAll(async () => {
  world = await startHostileWorld()
}, 120_000)
afterAll(async () => world?.stop())
beforeEach(async () => {
  names += 1
  peer = await world.peer()
  stranger = await world.peer()
  alice = new DeviceObserver(await world.here.register(`alice${names}`))
  shared = await shareRoom(alice.client, peer, '12')
  eve = shared.eve
  await alice.sync()
})

const typing = (userId: string, isTyping = true, roomId = shared.roomId): JsonObject => ({
  edu_type: 'm.typing',
  content: { room_id: roomId, user_id: userId, typing: isTyping },
})
const receipt = (userId: string, eventId: string, data: JsonObject = { ts: 1_000 }, roomId = shared.roomId): JsonObject => ({
  edu_type: 'm.receipt',
  content: { [roomId]: { 'm.read': { [userId]: { event_ids: [eventId], data } } } },
})
const tell = async (from: HostilePeer, ...edus: JsonObject[]): Promise<void> => {
  expect((await from.transaction([], edus)).status).toBe(200)
}
/** Ephemeral contents of one type that one sync shows. */
async function ephemeral(type: string): Promise<JsonObject[]> {
  const synced = await alice.sync()
  const events = synced.rooms?.join?.[shared.roomId]?.ephemeral?.events ?? []
  return events.flatMap((event) => (event.type === type && isJsonObject(event.content) ? [event.content] : []))
}
/** Syncs until there is something of a type. */
const shown = (type: string): Promise<JsonObject[]> =>
  eventually(
    () => ephemeral(type),
    (found) => found.length > 0,
  )
/** EDUs that the peer has received, of one type. */
const edusOf = (type: string): JsonObject[] =>
  peer.requests
    .filter(({ method, path }) => method === 'PUT' && path.includes('/v1/send/'))
    .flatMap((request) => {
      const { edus } = bodyOf(request)
      return Array.isArray(edus) ? edus.filter(isJsonObject) : []
    })
    .flatMap((edu) => (edu.edu_type === type && isJsonObject(edu.content) ? [edu.content] : []))
/** Denies every server on the loopback address: lists know no ports. */
const deny = (): Promise<string> =>
  alice.client.sendState(shared.roomId, 'm.room.server_acl', '', { allow: ['*'], deny: ['localhost'], allow_ip_literals: true })
const path = (rest: string): string => `/v3/rooms/${encodeURIComponent(shared.roomId)}/${rest}`

describe('typing', () => {
  it('is shown of members of the server that says so, until it says that they have stopped', async () => {
    await tell(peer, typing(eve))
    expect(await shown('m.typing')).toEqual([{ user_ids: [eve] }])
    await tell(peer, typing(eve, false))
    expect(await shown('m.typing')).toEqual([{ user_ids: [] }])
    await tell(peer, typing(eve))
    await shown('m.typing')
    await peer.send(shared.room.state(eve, 'm.room.member', eve, { membership: 'leave' }))
    expect(await shown('m.typing')).toEqual([{ user_ids: [] }])
  })

  it('is ignored of others, of users who are not in the room, and from servers that are denied (D1, D2, F15)', async () => {
    const bob = await world.here.register(`bob${names}`)
    await bob.join(shared.roomId)
    await ephemeral('m.typing')
    await tell(
      peer,
      typing(bob.userId),
      typing(peer.user('outside')),
      typing('@eve:elsewhere.example'),
      typing(eve, true, '!nowhere:x.example'),
    )
    await tell(stranger, typing(stranger.user('x')), typing(eve))
    await tell(peer, { edu_type: 'm.typing', content: { room_id: 5, user_id: eve, typing: 'yes' } })
    expect(await ephemeral('m.typing')).toEqual([])
    await deny()
    await tell(peer, typing(eve))
    expect(await ephemeral('m.typing')).toEqual([])
  })

  it('is told to other servers when it begins and ends', async () => {
    const put = (isTyping: boolean): Promise<unknown> =>
      alice.client.call('PUT', path(`typing/${encodeURIComponent(alice.client.userId)}`), { body: { typing: isTyping, timeout: 30_000 } })
    await put(true)
    await put(true)
    await eventually(
      async () => edusOf('m.typing'),
      (found) => found.length === 1,
    )
    await put(false)
    const told = await eventually(
      async () => edusOf('m.typing'),
      (found) => found.length === 2,
    )
    const content = { room_id: shared.roomId, user_id: alice.client.userId }
    expect(told).toEqual([
      { ...content, typing: true },
      { ...content, typing: false },
    ])
  })
})

describe('receipts', () => {
  it('are shown of members of the server that says so, with their threads', async () => {
    const root = await alice.client.send(shared.roomId, 'root')
    const reply = await alice.client.send(shared.roomId, {
      msgtype: 'm.text',
      body: 'reply',
      'm.relates_to': { rel_type: 'm.thread', event_id: root },
    })
    await tell(peer, receipt(eve, root, { ts: 1_000, thread_id: 'main' }), receipt(eve, reply, { ts: 2_000, thread_id: root }))
    expect(await shown('m.receipt')).toEqual([
      {
        [root]: { 'm.read': { [eve]: { ts: 1_000, thread_id: 'main' } } },
        [reply]: { 'm.read': { [eve]: { ts: 2_000, thread_id: root } } },
      },
    ])
    // Backwards, to another thread, of the future.
    await tell(peer, receipt(eve, root, { ts: 3_000, thread_id: root }), receipt(eve, reply, { ts: 3_000, thread_id: 'main' }))
    await tell(peer, receipt(eve, reply, { ts: Number.MAX_SAFE_INTEGER }))
    const [content] = await shown('m.receipt')
    expect(Object.keys(content ?? {})).toEqual([reply])
    const read = (content?.[reply] ?? {}) as { 'm.read': JsonObject }
    expect(((read['m.read'][eve] as JsonObject).ts as number) <= Date.now()).toBe(true)
  })

  it('are ignored of others, of users who are not in the room, and from servers that are denied (D1, D2, F15)', async () => {
    const eventId = await alice.client.send(shared.roomId, 'hello')
    const bob = await world.here.register(`bob${names}`)
    await bob.join(shared.roomId)
    await ephemeral('m.receipt')
    await tell(peer, receipt(bob.userId, eventId), receipt(peer.user('outside'), eventId), receipt('@eve:elsewhere.example', eventId))
    await tell(stranger, receipt(stranger.user('x'), eventId), receipt(eve, eventId))
    const nonsense: JsonObject[] = [
      { edu_type: 'm.receipt', content: { [shared.roomId]: { 'm.read': { [eve]: { event_ids: eventId } } } } },
      { edu_type: 'm.receipt', content: { [shared.roomId]: { 'm.read.private': { [eve]: { event_ids: [eventId], data: { ts: 1 } } } } } },
      { edu_type: 'm.receipt', content: { [shared.roomId]: { 'm.read': 'x' } } },
      { edu_type: 'm.receipt', content: { x: 1 } },
      receipt(eve, eventId, { ts: 1 }, '!nowhere:x.example'),
    ]
    await tell(peer, ...nonsense)
    expect(await ephemeral('m.receipt')).toEqual([])
    await deny()
    await tell(peer, receipt(eve, eventId))
    expect(await ephemeral('m.receipt')).toEqual([])
  })

  it('wait for their events, a bounded number of them (D2)', async () => {
    const late = shared.room.says(eve, 'late')
    await tell(peer, receipt(eve, late.eventId))
    for (let n = 0; n < 4; n += 1) {
      const flood = Array.from({ length: 100 }, (_, m) => receipt(eve, `$made-up-${n}-${m}`, { ts: 1, thread_id: `$${n}-${m}` }))
      await tell(peer, ...flood)
    }
    expect(await ephemeral('m.receipt')).toEqual([])
    // Pushed out by the flood, and told again.
    await peer.send(late)
    const next = shared.room.says(eve, 'next')
    await tell(peer, receipt(eve, next.eventId))
    await peer.send(next)
    expect(await shown('m.receipt')).toEqual([{ [next.eventId]: { 'm.read': { [eve]: { ts: 1_000 } } } }])
  })

  it('are told to other servers, the private ones to nobody', async () => {
    const theirs = shared.room.says(eve, 'hello')
    await peer.send(theirs)
    const mine = await alice.client.send(shared.roomId, 'hello yourself')
    await heard(peer, shared.roomId, 'hello yourself')
    await alice.client.call('POST', path(`receipt/m.read.private/${encodeURIComponent(mine)}`), { body: {} })
    await alice.client.call('POST', path(`receipt/m.read/${encodeURIComponent(theirs.eventId)}`), { body: { thread_id: 'main' } })
    const told = await eventually(
      async () => edusOf('m.receipt'),
      (found) => found.length > 0,
    )
    const data = { ts: expect.any(Number), thread_id: 'main' }
    expect(told).toEqual([{ [shared.roomId]: { 'm.read': { [alice.client.userId]: { event_ids: [theirs.eventId], data } } } }])
  })
})
