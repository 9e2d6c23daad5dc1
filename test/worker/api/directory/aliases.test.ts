import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { claimAlias, findAlias } from '../../../../src/storage/d1/aliases.ts'
import { openRegistry } from '../../../../src/storage/d1/open.ts'
import { registerRooms } from '../../../../src/storage/d1/rooms.ts'
import { call, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, getState, join, knock, ok, people, putState } from '../../../support/room-api.ts'

const registry = openRegistry(env, undefined)
let names = 0
const freshAlias = (): string => `#name-${++names}:test.example`

function name(who: TestSession, alias: string, roomId: string) {
  return call('PUT', `/directory/room/${enc(alias)}`, { token: who.token, body: { room_id: roomId } })
}
const resolve = (alias: string) => call('GET', `/directory/room/${enc(alias)}`)
const unname = (who: TestSession, alias: string) => call('DELETE', `/directory/room/${enc(alias)}`, { token: who.token })
const namesOf = (who: TestSession, roomId: string) => call('GET', `/rooms/${enc(roomId)}/aliases`, { token: who.token })

describe('room aliases', () => {
  it('stand for a room, with any characters', async () => {
    const alice = await registerAccount()
    const roomId = await createRoom(alice)
    const alias = '#老虎🤨 ඞ:test.example'.replace(' ', '')
    ok(await name(alice, alias, roomId))
    expect(ok(await resolve(alias)).body).toEqual({ room_id: roomId, servers: ['test.example'] })
    expect(ok(await namesOf(alice, roomId)).body).toEqual({ aliases: [alias] })
  })

  it('are taken once', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const alias = freshAlias()
    ok(await name(alice, alias, await createRoom(alice)))
    expect(await name(bob, alias, await createRoom(bob))).toMatchObject({ status: 409, body: { errcode: 'M_UNKNOWN' } })
    expect(
      await call('POST', '/createRoom', { token: bob.token, body: { room_alias_name: alias.slice(1, alias.indexOf(':')) } }),
    ).toMatchObject({
      status: 400,
      body: { errcode: 'M_ROOM_IN_USE' },
    })
  })

  it('are not given by outsiders, to rooms that do not exist, for other servers, or with blanks (R8)', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice)
    expect(await name(bob, freshAlias(), roomId)).toMatchObject({ status: 403 })
    expect(await name(alice, freshAlias(), '!made:up')).toMatchObject({ status: 403 })
    for (const alias of ['#a:other.example', '#a b:test.example', 'a:test.example', '#:test.example']) {
      expect(await name(alice, alias, roomId)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    }
  })

  it('are 404 when they do not exist, for reading and removing', async () => {
    const alice = await registerAccount()
    expect(await resolve('#nowhere:test.example')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(await unname(alice, '#nowhere:test.example')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  it('are listed for members only, unless the world may read the room', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice)
    expect(await namesOf(bob, roomId)).toMatchObject({ status: 403 })
    ok(await putState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' }))
    expect(ok(await namesOf(bob, roomId)).body).toEqual({ aliases: [] })
  })

  it('are removed by whoever made them or may change how the room is known (R8)', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const [his, hers] = [freshAlias(), freshAlias()]
    ok(await name(bob, his, roomId))
    ok(await name(alice, hers, roomId))
    expect(await unname(bob, hers)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    ok(await unname(alice, his))
    ok(await unname(alice, hers))
    expect(await resolve(his)).toMatchObject({ status: 404 })
  })

  it('cease to be what the room is known by once they are removed', async () => {
    const alice = await registerAccount()
    const roomId = await createRoom(alice)
    const [one, two] = [freshAlias(), freshAlias()]
    ok(await name(alice, one, roomId))
    ok(await name(alice, two, roomId))
    ok(await putState(alice, roomId, 'm.room.canonical_alias', { alias: one, alt_aliases: [two], 'org.example': 1 }))
    ok(await unname(alice, two))
    expect(ok(await getState(alice, roomId, 'm.room.canonical_alias')).body).toEqual({ alias: one, 'org.example': 1 })
    ok(await unname(alice, one))
    expect(ok(await getState(alice, roomId, 'm.room.canonical_alias')).body).toEqual({ 'org.example': 1 })
  })

  it('lead into the room', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const alias = freshAlias()
    const roomId = await createRoom(alice, { preset: 'public_chat', room_alias_name: alias.slice(1, alias.indexOf(':')) })
    expect(ok(await join(bob, alias)).body).toEqual({ room_id: roomId })
    expect(ok(await getState(bob, roomId, 'm.room.canonical_alias')).body).toEqual({ alias })
    expect(await knock(bob, '#nowhere:test.example')).toMatchObject({ status: 404 })
  })
})

describe('canonical aliases', () => {
  it('must stand for the room (R8)', async () => {
    const alice = await registerAccount()
    const [roomId, otherRoomId] = [await createRoom(alice), await createRoom(alice)]
    const [own, others] = [freshAlias(), freshAlias()]
    ok(await name(alice, own, roomId))
    ok(await name(alice, others, otherRoomId))
    const set = (content: Readonly<Record<string, unknown>>) => putState(alice, roomId, 'm.room.canonical_alias', content)
    for (const content of [{ alias: others }, { alias: freshAlias() }, { alias: own, alt_aliases: [others] }]) {
      expect(await set(content)).toMatchObject({ status: 400, body: { errcode: 'M_BAD_ALIAS' } })
    }
    for (const content of [{ alias: '%a:test.example' }, { alias: own, alt_aliases: ['%a'] }, { alt_aliases: 'x' }, { alias: 1 }]) {
      expect(await set(content)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    }
    ok(await set({ alias: own, alt_aliases: [own] }))
    // What the room has already may stay, even when the alias has gone.
    ok(await unname(alice, own))
    ok(await set({}))
  })
})

describe('claims of rooms that are being created', () => {
  it('lapse, unless the room confirms them', async () => {
    const alias = freshAlias()
    const one = { alias, roomId: '!one:test.example', creator: '@a:test.example' }
    const two = { ...one, roomId: '!two:test.example' }
    expect(await claimAlias(registry, one, true, 1_000_000)).toBe(true)
    expect(await findAlias(registry, alias)).toBeUndefined()
    expect(await claimAlias(registry, two, false, 1_030_000)).toBe(false)
    expect(await claimAlias(registry, two, false, 1_061_000)).toBe(true)
    expect(await findAlias(registry, alias)).toEqual(two)
    expect(await claimAlias(registry, one, false, 9_000_000)).toBe(false)
  })

  it('are confirmed by what the room reports, for that room only', async () => {
    const alias = freshAlias()
    const roomId = '!reported:test.example'
    expect(await claimAlias(registry, { alias, roomId, creator: '@a:test.example' }, true, 1_000_000)).toBe(true)
    await registerRooms(registry, { aliases: [{ alias, roomId: '!other:test.example' }] })
    expect(await findAlias(registry, alias)).toBeUndefined()
    await registerRooms(registry, { aliases: [{ alias, roomId }] })
    expect(await findAlias(registry, alias)).toMatchObject({ roomId })
  })

  it('are given up when the room is refused', async () => {
    const alice = await registerAccount()
    const alias = freshAlias()
    const body = {
      room_alias_name: alias.slice(1, alias.indexOf(':')),
      power_level_content_override: { users: { [alice.userId]: 0 } },
      room_version: '11',
    }
    expect((await call('POST', '/createRoom', { token: alice.token, body })).status).toBe(400)
    ok(await name(alice, alias, await createRoom(alice)))
  })
})
