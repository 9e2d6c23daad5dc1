import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type FederatedPair, type FederatedServer, joinVia, startPair } from '../../support/federation-pair.ts'
import type { ClientEvent, MatrixClient } from '../../support/matrix-client.ts'

let pair: FederatedPair
let here: FederatedServer
let there: FederatedServer
let alice: MatrixClient
let bob: MatrixClient

beforeAll(async () => {
  pair = await startPair()
  ;({ here, there, alice, bob } = pair)
}, 120_000)

afterAll(() => pair?.stop())

async function bodies(client: MatrixClient, roomId: string): Promise<unknown[]> {
  return (await client.history(roomId)).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
}

describe.each(['10', '11', '12'])('a room of version %s on two servers', (version) => {
  it('is joined, and messages go both ways in order', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, name: 'shared' })
    await joinVia(bob, roomId, here.name)
    expect(await bob.joinedRooms()).toContain(roomId)
    expect(await bob.joinedMembers(roomId)).toEqual([alice.userId, bob.userId].sort())
    const name = await bob.call<{ name: string }>('GET', `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.name`)
    expect(name).toEqual({ name: 'shared' })
    for (let n = 0; n < 10; n += 1) {
      await alice.send(roomId, `alice ${n}`)
      await bob.send(roomId, `bob ${n}`)
    }
    const wanted = (list: unknown[]): boolean => list.length === 20
    const atAlice = await eventually(() => bodies(alice, roomId), wanted)
    const atBob = await eventually(() => bodies(bob, roomId), wanted)
    expect([...atAlice].sort()).toEqual([...atBob].sort())
    const ofAlice = Array.from({ length: 10 }, (_, n) => `alice ${n}`)
    expect(atBob.filter((body) => String(body).startsWith('alice'))).toEqual(ofAlice)
  })
})

describe.each(['10', '12'])('memberships over two servers in version %s', (version) => {
  it('invites, joins on the invitation, kicks, and lets the user come back to what happened meanwhile', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat', room_version: version, name: 'by invitation' })
    await expect(joinVia(bob, roomId, here.name)).rejects.toThrow(/403/)
    await alice.moderate('invite', roomId, bob.userId)
    const invited = await bob.sync()
    const shown = invited.rooms?.invite?.[roomId]?.invite_state?.events ?? []
    expect(shown.map(({ type }) => type)).toContain('m.room.name')
    expect(shown.find(({ type, state_key }) => type === 'm.room.member' && state_key === bob.userId)?.sender).toBe(alice.userId)
    await bob.join(roomId)
    await bob.send(roomId, 'thanks')
    await eventually(
      () => bodies(alice, roomId),
      (list) => list.includes('thanks'),
    )
    await alice.moderate('kick', roomId, bob.userId)
    await eventually(
      () => bob.joinedRooms(),
      (rooms) => !rooms.includes(roomId),
    )
    for (let n = 0; n < 5; n += 1) await alice.send(roomId, `meanwhile ${n}`)
    await alice.sendState(roomId, 'm.room.topic', '', { topic: 'changed meanwhile' })
    await alice.moderate('invite', roomId, bob.userId)
    await bob.join(roomId)
    const topic = await bob.call('GET', `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.topic`)
    expect(topic).toEqual({ topic: 'changed meanwhile' })
    await alice.send(roomId, 'welcome back')
    await eventually(
      () => bodies(bob, roomId),
      (list) => list.includes('welcome back'),
    )
  })

  it('declines an invitation, and leaves by itself', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat', room_version: version, invite: [bob.userId] })
    const before = await bob.sync()
    expect(Object.keys(before.rooms?.invite ?? {})).toContain(roomId)
    await bob.leave(roomId)
    expect(Object.keys((await bob.sync({ since: before.next_batch })).rooms?.leave ?? {})).toContain(roomId)
    const memberOf = async (): Promise<unknown> =>
      (await alice.state(roomId)).find(({ state_key }) => state_key === bob.userId)?.content.membership
    expect(await memberOf()).toBe('leave')
    expect(Object.keys((await bob.sync()).rooms?.invite ?? {})).not.toContain(roomId)
    await alice.moderate('invite', roomId, bob.userId)
    await bob.join(roomId)
    await bob.leave(roomId)
    await eventually(memberOf, (membership) => membership === 'leave')
  })

  it('knocks, is let in', async () => {
    const rules = [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }]
    const roomId = await alice.createRoom({ preset: 'private_chat', room_version: version, initial_state: rules })
    await bob.call('POST', `/v3/knock/${encodeURIComponent(roomId)}`, { query: { via: here.name }, body: {} })
    expect(Object.keys((await bob.sync()).rooms?.knock ?? {})).toContain(roomId)
    await alice.moderate('invite', roomId, bob.userId)
    await bob.join(roomId)
    expect(await bob.joinedMembers(roomId)).toEqual([alice.userId, bob.userId].sort())
  })
})

describe('invitations over two servers that come to nothing', () => {
  const invited = async (roomId: string): Promise<boolean> => (await bob.sync({})).rooms?.invite?.[roomId] !== undefined

  /** The event under `rooms.leave` that says that a user is out of a room. */
  async function end(client: MatrixClient, roomId: string, query: Readonly<Record<string, string>>): Promise<ClientEvent | undefined> {
    const { rooms } = await client.sync(query)
    return rooms?.leave?.[roomId]?.timeline?.events?.find(({ type, state_key: key }) => type === 'm.room.member' && key === client.userId)
  }
  const WITH_LEFT = { filter: '{"room":{"include_leave":true}}' }

  it('are not taken back by others than whoever invited', async () => {
    const carol = await here.register('carol')
    const roomId = await alice.createRoom({ preset: 'public_chat', power_level_content_override: { invite: 0 } })
    await carol.join(roomId)
    await carol.moderate('invite', roomId, bob.userId)
    expect(await invited(roomId)).toBe(true)
    const shared = await alice.createRoom({ preset: 'public_chat' })
    await joinVia(bob, shared, here.name)
    await alice.moderate('kick', roomId, bob.userId)
    const after = await alice.send(shared, 'after the kick')
    await eventually(
      () => bob.history(shared),
      (events) => events.some(({ event_id: id }) => id === after),
    )
    expect(await invited(roomId)).toBe(true)
  })

  it('are shown with what ended them', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    await alice.moderate('invite', roomId, bob.userId)
    const { next_batch: since } = await bob.sync({})
    expect(await invited(roomId)).toBe(true)
    await alice.call('POST', `/v3/rooms/${encodeURIComponent(roomId)}/kick`, { body: { user_id: bob.userId, reason: 'a mistake' } })
    const kick = await eventually(
      () => end(bob, roomId, { since }),
      (event) => event !== undefined,
    )
    expect(kick).toMatchObject({ sender: alice.userId, content: { membership: 'leave', reason: 'a mistake' } })
    const atAlice = (await alice.state(roomId)).find(({ state_key: key }) => key === bob.userId)
    expect(kick?.event_id).toBe(atAlice?.event_id)
    expect(await invited(roomId)).toBe(false)
    expect(await end(bob, roomId, WITH_LEFT)).toEqual(kick)
  })

  it('can be declined by somebody who was in the room before', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    await alice.moderate('invite', roomId, bob.userId)
    await bob.join(roomId)
    await alice.moderate('kick', roomId, bob.userId)
    await eventually(
      () => bob.joinedRooms(),
      (rooms) => !rooms.includes(roomId),
    )
    await alice.moderate('invite', roomId, bob.userId)
    await bob.leave(roomId)
    await eventually(
      () => alice.state(roomId),
      (state) =>
        state.some(({ sender, state_key: key, content }) => sender === bob.userId && key === bob.userId && content.membership === 'leave'),
    )
  })

  it('can be declined although everybody has left', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    await alice.moderate('invite', roomId, bob.userId)
    const { next_batch: since } = await bob.sync({})
    await alice.call('POST', `/v3/rooms/${encodeURIComponent(roomId)}/leave`, { body: {} })
    await bob.call('POST', `/v3/rooms/${encodeURIComponent(roomId)}/leave`, { body: {} })
    expect(await end(bob, roomId, { since })).toMatchObject({ sender: bob.userId, content: { membership: 'leave' } })
  })

  it('and those that are followed say what they were', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat', is_direct: true, invite: [bob.userId] })
    await joinVia(bob, roomId, here.name)
    const { rooms } = await bob.sync({})
    const join = rooms?.join?.[roomId]?.timeline?.events?.find(({ state_key: key }) => key === bob.userId)
    expect(join?.unsigned).toMatchObject({ prev_content: { membership: 'invite', is_direct: true }, prev_sender: alice.userId })
  })
})

describe('ways into rooms that take more than one server', () => {
  const put = (client: MatrixClient, roomId: string, type: string, body: Readonly<Record<string, unknown>>) =>
    client.call('PUT', `/v3/rooms/${encodeURIComponent(roomId)}/state/${type}`, { body })

  it('a restricted room lets somebody in through another server where nobody here may vouch', async () => {
    const space = await bob.createRoom({ preset: 'public_chat' })
    const allow = [{ type: 'm.room_membership', room_id: space, via: [there.name] }]
    const roomId = await bob.createRoom({
      room_version: '10',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
      power_level_content_override: { invite: 50 },
    })
    await bob.moderate('invite', roomId, alice.userId)
    await joinVia(alice, roomId, there.name)
    const dora = await here.register('dora')
    await expect(joinVia(dora, roomId, there.name)).rejects.toThrow(/403/)
    await joinVia(dora, space, there.name)
    await joinVia(dora, roomId, there.name)
    for (const member of [alice, bob]) {
      await eventually(
        () => member.joinedMembers(roomId),
        (members) => members.includes(dora.userId),
      )
    }
  })

  it('somebody who knocks sees the knock; whoever names servers has only those asked', async () => {
    const roomId = await alice.createRoom({ room_version: '11' })
    await put(alice, roomId, 'm.room.join_rules', { join_rule: 'knock' })
    const knock = (via: string) =>
      bob.call('POST', `/v3/knock/${encodeURIComponent(roomId)}`, { query: { via }, body: { reason: 'hello' } })
    await expect(knock('localhost:1')).rejects.toThrow(/502/)
    // A server that knows the room and refuses says more than one that cannot be reached.
    await alice.moderate('ban', roomId, bob.userId)
    const both = { via: here.name, server_name: 'localhost:1' }
    await expect(bob.call('POST', `/v3/knock/${encodeURIComponent(roomId)}`, { query: both, body: {} })).rejects.toThrow(/403/)
    await alice.moderate('unban', roomId, bob.userId)
    await knock(here.name)
    const { rooms } = await bob.sync({})
    const own = rooms?.knock?.[roomId]?.knock_state?.events?.find(({ state_key: key }) => key === bob.userId)
    expect(own?.content).toMatchObject({ membership: 'knock', reason: 'hello' })
    const creation = rooms?.knock?.[roomId]?.knock_state?.events?.find(({ type }) => type === 'm.room.create')
    expect(creation?.origin_server_ts).toBeTypeOf('number')
  })
})
