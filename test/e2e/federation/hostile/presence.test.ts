import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import { eventually } from '../../../support/federation-pair.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { bodyOf } from '../../../support/hostile-server.ts'
import { type HostileWorld, type SharedRoom, shareRoom, startHostileWorld } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let peer: HostilePeer
let alice: MatrixClient
let shared: SharedRoom
let since: string | undefined
let names = 0

beforeAll(async () => {
  world = await startHostileWorld({ MYELIN_PRESENCE: 'on' })
}, 120_000)
afterAll(async () => world?.stop())
beforeEach(async () => {
  names += 1
  peer = await world.peer()
  alice = await world.here.register(`alice${names}`)
  shared = await shareRoom(alice, peer, '12')
  since = undefined
  // The server hears from this one: it counts as known from then on.
  await alice.send(shared.roomId, 'hello')
  await eventually(
    async () => peer.received.length,
    (received) => received > 0,
  )
})

const edu = (...push: JsonObject[]): JsonObject => ({ edu_type: 'm.presence', content: { push } })
const tell = async (from: HostilePeer, ...edus: JsonObject[]): Promise<void> => {
  expect((await from.transaction([], edus)).status).toBe(200)
}
/** Presence events that one sync shows, of others. */
async function presence(): Promise<JsonObject[]> {
  const query = { since, timeout: since === undefined ? undefined : '1000' }
  const synced = await alice.call<{ next_batch: string; presence?: { events: JsonObject[] } }>('GET', '/v3/sync', { query })
  since = synced.next_batch
  return (synced.presence?.events ?? []).filter(({ sender }) => sender !== alice.userId)
}
/** EDUs of presence that a peer has received. */
const presenceHeardBy = (server: HostilePeer): JsonObject[] =>
  server.requests
    .filter(({ method, path }) => method === 'PUT' && path.includes('/v1/send/'))
    .flatMap((request) => {
      const { edus } = bodyOf(request)
      return Array.isArray(edus) ? edus.filter(isJsonObject) : []
    })
    .flatMap((one) => (one.edu_type === 'm.presence' && isJsonObject(one.content) ? [one.content] : []))

describe('presence and other servers', () => {
  it('is shown of users of the server that says so, who share a room', async () => {
    await presence()
    await tell(peer, edu({ user_id: shared.eve, presence: 'online', last_active_ago: 5_000, status_msg: 'here', currently_active: true }))
    const shown = await eventually(presence, (events) => events.length > 0)
    const content = { presence: 'online', status_msg: 'here', currently_active: true, last_active_ago: expect.any(Number) }
    expect(shown).toEqual([{ type: 'm.presence', sender: shared.eve, content }])
  })

  it('is ignored of others, of users who are not in the room, from denied servers, and where it is malformed (D1, D2, F15)', async () => {
    const stranger = await world.peer()
    const bob = await world.here.register(`bob${names}`)
    await bob.join(shared.roomId)
    await presence()
    const online = (userId: unknown): JsonObject => ({ user_id: String(userId), presence: 'online', last_active_ago: 1 })
    await tell(peer, edu(online(bob.userId), online(peer.user('outside')), online('@eve:elsewhere.example'), { presence: 'online' }))
    await tell(
      peer,
      { edu_type: 'm.presence', content: { push: 'x' } },
      edu({ user_id: shared.eve, presence: 'asleep', last_active_ago: 1 }),
    )
    await tell(stranger, edu(online(shared.eve), online(stranger.user('x'))))
    const deny = { allow: ['*'], deny: ['localhost'], allow_ip_literals: true }
    await alice.sendState(shared.roomId, 'm.room.server_acl', '', deny)
    await tell(peer, edu(online(shared.eve)))
    expect((await presence()).filter(({ sender }) => sender !== bob.userId)).toEqual([])
  })

  it('is told to other servers, once for each change', async () => {
    const path = `/v3/presence/${encodeURIComponent(alice.userId)}/status`
    await alice.call('PUT', path, { body: { presence: 'online', status_msg: 'hi' } })
    await alice.call('PUT', path, { body: { presence: 'online', status_msg: 'hi' } })
    const told = await eventually(
      async () => presenceHeardBy(peer),
      (found) => found.length > 0,
    )
    const update = {
      user_id: alice.userId,
      presence: 'online',
      status_msg: 'hi',
      currently_active: true,
      last_active_ago: expect.any(Number),
    }
    expect(told).toEqual([{ push: [update] }])
  })

  it('is told to a server that is new to a room, of the users there who are not offline, though nothing has changed', async () => {
    const bob = await world.here.register(`bob${names}`)
    await bob.join(shared.roomId)
    await alice.call('PUT', `/v3/presence/${encodeURIComponent(alice.userId)}/status`, {
      body: { presence: 'unavailable', status_msg: 'tea' },
    })
    await eventually(
      async () => presenceHeardBy(peer),
      (found) => found.length > 0,
    )
    const newcomer = await world.peer()
    await newcomer.join(shared.roomId, newcomer.user('newcomer'))
    const told = await eventually(
      async () => presenceHeardBy(newcomer),
      (found) => found.length > 0,
    )
    const update = { user_id: alice.userId, presence: 'unavailable', status_msg: 'tea', last_active_ago: expect.any(Number) }
    expect(told).toEqual([{ push: [update] }])
    // To nobody who knew.
    expect(presenceHeardBy(peer)).toEqual([{ push: [update] }])
  })
})
