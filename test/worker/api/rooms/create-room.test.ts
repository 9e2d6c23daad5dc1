import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { parseRoomId } from '../../../../src/matrix/ids/room-id.ts'
import { openRegistry } from '../../../../src/storage/d1/open.ts'
import { rooms } from '../../../../src/storage/d1/schema/rooms.ts'
import { call, registerAccount, type TestSession } from '../../../support/api-client.ts'
import {
  createRoom,
  enc,
  getState,
  join,
  memberContent,
  moderate,
  nameThemselves,
  ok,
  people,
  putState,
  say,
} from '../../../support/room-api.ts'

interface StateEvent {
  readonly type: string
  readonly state_key: string
  readonly sender: string
  readonly event_id: string
  readonly content: Readonly<Record<string, unknown>>
}

async function stateOf(who: TestSession, roomId: string): Promise<Map<string, StateEvent>> {
  const events: StateEvent[] = ok(await call('GET', `/rooms/${enc(roomId)}/state`, { token: who.token })).body
  return new Map(events.map((event) => [event.state_key === '' ? event.type : `${event.type} ${event.state_key}`, event]))
}

function create(who: TestSession, body: Readonly<Record<string, unknown>>) {
  return call('POST', '/createRoom', { token: who.token, body })
}

describe('POST /createRoom', () => {
  it('makes a private room without being told anything', async () => {
    const alice = await registerAccount()
    const roomId = ok(await call('POST', '/createRoom', { token: alice.token })).body.room_id
    const state = await stateOf(alice, roomId)
    expect(state.get('m.room.create')?.content).toEqual({ room_version: '12' })
    expect(roomId).toBe(`!${state.get('m.room.create')?.event_id.slice(1)}`)
    expect(state.get('m.room.join_rules')?.content).toEqual({ join_rule: 'invite' })
    expect(state.get('m.room.power_levels')?.content.users).toEqual({})
    expect(state.get(`m.room.member ${alice.userId}`)?.content.membership).toBe('join')
  })

  it.each(['10', '11'])('names a room of version %s by a random ID of this server', async (version) => {
    const alice = await registerAccount()
    const roomId = await createRoom(alice, { room_version: version })
    expect(parseRoomId(roomId)?.serverName).toBe('test.example')
    const state = await stateOf(alice, roomId)
    expect(state.get('m.room.create')?.content).toEqual(
      version === '10' ? { room_version: '10', creator: alice.userId } : { room_version: '11' },
    )
    expect(state.get('m.room.power_levels')?.content.users).toEqual({ [alice.userId]: 100 })
  })

  it('follows visibility where no preset is named', async () => {
    const alice = await registerAccount()
    const state = await stateOf(alice, await createRoom(alice, { visibility: 'public' }))
    expect(state.get('m.room.join_rules')?.content).toEqual({ join_rule: 'public' })
    // Forbidden is what the absence of the event means.
    expect(state.has('m.room.guest_access')).toBe(false)
  })

  it('gives invited users of a trusted private chat the power of the creator', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const older = await createRoom(alice, { preset: 'trusted_private_chat', room_version: '11', invite: [bob.userId] })
    expect((await stateOf(alice, older)).get('m.room.power_levels')?.content.users).toEqual({ [alice.userId]: 100, [bob.userId]: 100 })
    const newer = await createRoom(alice, { preset: 'trusted_private_chat', room_version: '12', invite: [bob.userId] })
    expect((await stateOf(alice, newer)).get('m.room.create')?.content.additional_creators).toEqual([bob.userId])
    ok(await join(bob, newer))
    ok(await putState(bob, newer, 'm.room.tombstone', { body: 'over', replacement_room: '!x:y' }))
  })

  it('sets everything that it is asked to set', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const roomId = await createRoom(alice, {
      preset: 'public_chat',
      name: 'Name',
      topic: 'Topic',
      is_direct: true,
      invite: [bob.userId, bob.userId],
      creation_content: { type: 'm.space', 'm.federate': false },
      initial_state: [
        { type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } },
        { type: 'test.state', state_key: 'key', content: { n: 1 } },
      ],
      power_level_content_override: { invite: 33 },
    })
    const state = await stateOf(alice, roomId)
    expect(state.get('m.room.create')?.content).toEqual({ room_version: '12', type: 'm.space', 'm.federate': false })
    expect(state.get('m.room.name')?.content).toEqual({ name: 'Name' })
    expect(state.get('m.room.topic')?.content).toMatchObject({ topic: 'Topic' })
    expect(state.get('m.room.history_visibility')?.content).toEqual({ history_visibility: 'world_readable' })
    expect(state.get('test.state key')?.content).toEqual({ n: 1 })
    expect(state.get('m.room.power_levels')?.content.invite).toBe(33)
    expect(state.get(`m.room.member ${bob.userId}`)?.content).toMatchObject({ membership: 'invite', is_direct: true })
  })

  it('puts profiles into the memberships of creator and invited', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    for (const who of [alice, bob]) await nameThemselves(who, `I, ${who.localpart}`)
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    expect(await memberContent(alice, roomId, alice.userId)).toMatchObject({ displayname: `I, ${alice.localpart}` })
    expect(await memberContent(alice, roomId, bob.userId)).toMatchObject({ displayname: `I, ${bob.localpart}` })
  })

  it('makes different rooms of equal requests, also at once', async () => {
    const alice = await registerAccount()
    const made = await Promise.all(Array.from({ length: 10 }, () => createRoom(alice, { name: 'same' })))
    expect(new Set(made).size).toBe(10)
  })

  it.each([
    [{ room_version: 'new' }, 400, 'M_UNSUPPORTED_ROOM_VERSION'],
    [{ room_version: 12 }, 400, 'M_BAD_JSON'],
    [{ preset: 'secret_chat' }, 400, 'M_INVALID_PARAM'],
    [{ invite: ['bob'] }, 400, 'M_INVALID_PARAM'],
    [{ invite: ['@nobody-at-all:test.example'] }, 404, 'M_NOT_FOUND'],
    [{ room_alias_name: 'an alias' }, 400, 'M_INVALID_PARAM'],
    [{ invite_3pid: [{ medium: 'email' }] }, 400, 'M_INVALID_PARAM'],
    [{ initial_state: [{ type: 'm.room.member', state_key: '@x:y.z', content: { membership: 'ban' } }] }, 400, 'M_INVALID_ROOM_STATE'],
    [{ initial_state: [{ type: 'm.room.create', content: {} }] }, 400, 'M_INVALID_ROOM_STATE'],
    [{ initial_state: [{ content: {} }] }, 400, 'M_MISSING_PARAM'],
    [{ creation_content: { additional_creators: ['bob'] } }, 400, 'M_INVALID_PARAM'],
    [{ power_level_content_override: { ban: 'much' } }, 400, 'M_INVALID_ROOM_STATE'],
    [{ power_level_content_override: { ban: 1.5 } }, 400, 'M_BAD_JSON'],
    [{ room_version: '11', power_level_content_override: { users: {} }, name: 'x' }, 400, 'M_INVALID_ROOM_STATE'],
  ])('refuses %j with %i %s', async (body, status, errcode) => {
    const alice = await registerAccount()
    expect(await create(alice, body)).toMatchObject({ status, body: { errcode } })
    expect(ok(await call('GET', '/joined_rooms', { token: alice.token })).body).toEqual({ joined_rooms: [] })
  })

  it('refuses creators among the users of the power levels of version 12', async () => {
    const alice = await registerAccount()
    const answer = await create(alice, { power_level_content_override: { users: { [alice.userId]: 100 } } })
    expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_ROOM_STATE' } })
  })

  it('tells the registry, so that strangers can find the room', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await say(alice, roomId))
    ok(await join(bob, roomId))
    await expect.poll(async () => (await openRegistry(env, undefined).db.select().from(rooms)).map((row) => row.roomId)).toContain(roomId)
  })

  it('shows the room to its members at once', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const roomId = await createRoom(alice)
    ok(await moderate(alice, 'invite', roomId, bob))
    ok(await join(bob, roomId))
    for (const who of [alice, bob]) expect(ok(await call('GET', '/joined_rooms', { token: who.token })).body.joined_rooms).toEqual([roomId])
    expect((await getState(bob, roomId, 'm.room.create')).status).toBe(200)
  })
})
