import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, getState, join, moderate, ok, people, putState, say } from '../../../support/room-api.ts'

function upgrade(who: TestSession, roomId: string, body: Readonly<Record<string, unknown>>) {
  return call('POST', `/rooms/${enc(roomId)}/upgrade`, { token: who.token, body })
}

async function upgraded(who: TestSession, roomId: string, version: string): Promise<string> {
  return ok(await upgrade(who, roomId, { new_version: version })).body.replacement_room
}

const content = async (who: TestSession, roomId: string, type: string, stateKey = '') => (await getState(who, roomId, type, stateKey)).body
const accountData = (who: TestSession, roomId: string, type: string) =>
  `/user/${enc(who.userId)}/${roomId === '' ? '' : `rooms/${enc(roomId)}/`}account_data/${type}`

describe('upgrading a room', () => {
  it.each([
    ['10', '11'],
    ['11', '12'],
    ['12', '12'],
    ['12', '10'],
  ])('from version %s to %s replaces it by one of the same kind', async (from, to) => {
    const [alice, bob, mallory] = await people(3)
    if (alice === undefined || bob === undefined || mallory === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice, {
      room_version: from,
      preset: 'public_chat',
      name: 'Town',
      topic: 'talk',
      creation_content: { type: 'm.space' },
      initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    })
    ok(await join(bob, roomId))
    ok(await moderate(alice, 'ban', roomId, mallory))
    ok(await putState(alice, roomId, 'm.space.child', { via: ['test.example'] }, '!child:test.example'))
    const newRoomId = await upgraded(alice, roomId, to)
    expect(await content(alice, roomId, 'm.room.tombstone')).toMatchObject({ replacement_room: newRoomId })
    const create = await content(alice, newRoomId, 'm.room.create')
    expect(create).toMatchObject({ room_version: to, type: 'm.space', predecessor: { room_id: roomId } })
    expect('event_id' in create.predecessor).toBe(to !== '12')
    expect(await content(alice, newRoomId, 'm.room.name')).toEqual({ name: 'Town' })
    expect(await content(alice, newRoomId, 'm.room.join_rules')).toEqual({ join_rule: 'public' })
    expect(await content(alice, newRoomId, 'm.room.encryption')).toEqual({ algorithm: 'm.megolm.v1.aes-sha2' })
    expect(await content(alice, newRoomId, 'm.space.child', '!child:test.example')).toEqual({ via: ['test.example'] })
    expect((await join(mallory, newRoomId)).status).toBe(403)
    ok(await join(bob, newRoomId))
    // The old room is for those who run it only.
    expect((await say(bob, roomId)).status).toBe(403)
    ok(await say(alice, newRoomId))
    ok(await putState(alice, newRoomId, 'm.room.topic', { topic: 'still mine' }))
  })

  it('takes names and the place in the directory along', async () => {
    const [alice] = await people(1)
    if (alice === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice, { room_version: '10', visibility: 'public', room_alias_name: 'moving' })
    const newRoomId = await upgraded(alice, roomId, '11')
    expect(ok(await call('GET', `/directory/room/${enc('#moving:test.example')}`)).body.room_id).toBe(newRoomId)
    expect(await content(alice, newRoomId, 'm.room.canonical_alias')).toEqual({ alias: '#moving:test.example' })
    expect(await content(alice, roomId, 'm.room.canonical_alias')).toEqual({})
    expect(ok(await call('GET', `/directory/list/room/${enc(newRoomId)}`)).body).toEqual({ visibility: 'public' })
    expect(ok(await call('GET', `/directory/list/room/${enc(roomId)}`, { token: alice.token })).body).toEqual({ visibility: 'private' })
  })

  it('is for those who may end the room, and to versions that there are', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    expect(await upgrade(bob, roomId, { new_version: '11' })).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await upgrade(alice, roomId, { new_version: '99' })).toMatchObject({ body: { errcode: 'M_UNSUPPORTED_ROOM_VERSION' } })
    expect(await upgrade(alice, roomId, { new_version: '12', additional_creators: ['bob'] })).toMatchObject({ status: 400 })
    expect((await getState(alice, roomId, 'm.room.tombstone')).status).toBe(404)
  })

  it('lets what users have set for the old room hold for the new one', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice, { room_version: '10', preset: 'public_chat' })
    ok(await join(bob, roomId))
    for (const who of [alice, bob]) {
      ok(await call('PUT', `/pushrules/global/room/${enc(roomId)}`, { token: who.token, body: { actions: ['dont_notify'] } }))
      ok(await call('PUT', accountData(who, roomId, 'm.tag'), { token: who.token, body: { tags: { 'm.favourite': { order: 0.5 } } } }))
      ok(await call('PUT', accountData(who, '', 'm.direct'), { token: who.token, body: { '@x:test.example': [roomId] } }))
    }
    const newRoomId = await upgraded(alice, roomId, '11')
    ok(await join(bob, newRoomId))
    for (const who of [alice, bob]) {
      const rules: readonly { readonly rule_id: string }[] = ok(await call('GET', '/pushrules/', { token: who.token })).body.global.room
      expect(new Set(rules.map(({ rule_id }) => rule_id))).toEqual(new Set([roomId, newRoomId]))
      expect(ok(await call('GET', accountData(who, '', 'm.direct'), { token: who.token })).body['@x:test.example']).toEqual([
        roomId,
        newRoomId,
      ])
      const tags = ok(await call('GET', accountData(who, newRoomId, 'm.tag'), { token: who.token })).body
      expect(tags).toEqual({ tags: { 'm.favourite': { order: 0.5 } } })
    }
  })
})
