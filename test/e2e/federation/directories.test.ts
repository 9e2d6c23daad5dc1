import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type FederatedPair, type FederatedServer, startPair } from '../../support/federation-pair.ts'
import type { MatrixClient } from '../../support/matrix-client.ts'

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

interface Hierarchy {
  readonly rooms: readonly { readonly room_id: string }[]
}
const enc = encodeURIComponent

async function hierarchy(client: MatrixClient, roomId: string): Promise<string[]> {
  return (await client.call<Hierarchy>('GET', `/v1/rooms/${enc(roomId)}/hierarchy`)).rooms.map(({ room_id }) => room_id)
}

describe('names of rooms across servers', () => {
  it('are resolved by the server that gave them, and lead into the room', async () => {
    const alias = `#老虎🤨:${here.name}`
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: '老虎🤨' })
    const resolved = await bob.call('GET', `/v3/directory/room/${enc(alias)}`)
    expect(resolved).toEqual({ room_id: roomId, servers: [here.name] })
    await bob.call('POST', `/v3/join/${enc(alias)}`, { body: {} })
    expect(await bob.joinedMembers(roomId)).toEqual([alice.userId, bob.userId].sort())
    const both = await bob.call<{ servers: string[] }>('GET', `/v3/directory/room/${enc(alias)}`)
    expect(new Set(both.servers)).toEqual(new Set([here.name, there.name]))
    await expect(bob.call('GET', `/v3/directory/room/${enc(`#nothing:${here.name}`)}`)).rejects.toThrow(/404/)
  })

  it('of other servers become a room of theirs, and no other', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'known' })
    await bob.call('POST', `/v3/join/${enc(`#known:${here.name}`)}`, { body: {} })
    const levels = { users: { [alice.userId]: 100, [bob.userId]: 100 } }
    const state = (type: string): string => `/v3/rooms/${enc(roomId)}/state/${type}`
    if ((await bob.call<{ room_version: string }>('GET', state('m.room.create'))).room_version !== '12') {
      await alice.call('PUT', state('m.room.power_levels'), { body: levels })
    } else {
      await alice.call('PUT', state('m.room.power_levels'), { body: { users: { [bob.userId]: 100 } } })
    }
    const set = (alias: string) => bob.call('PUT', state('m.room.canonical_alias'), { body: { alias, alt_aliases: [alias] } })
    await expect(set(`#other:${here.name}`)).rejects.toThrow(/M_BAD_ALIAS/)
    await eventually(
      () =>
        set(`#known:${here.name}`).then(
          () => true,
          () => false,
        ),
      (done) => done,
    )
  })
})

describe('the public directory across servers', () => {
  it('is read and searched', async () => {
    const roomId = await alice.createRoom({ visibility: 'public', name: 'Harbour', topic: 'ships' })
    interface Directory {
      readonly chunk: readonly { readonly room_id: string; readonly name?: string }[]
    }
    const all = await bob.call<Directory>('GET', '/v3/publicRooms', { query: { server: here.name } })
    expect(all.chunk).toContainEqual(expect.objectContaining({ room_id: roomId, name: 'Harbour', topic: 'ships', num_joined_members: 1 }))
    const search = (term: string) =>
      bob.call<Directory>('POST', '/v3/publicRooms', { query: { server: here.name }, body: { filter: { generic_search_term: term } } })
    expect((await search('SHIPS')).chunk.map(({ room_id }) => room_id)).toEqual([roomId])
    expect((await search('trains')).chunk).toEqual([])
  })
})

describe('profiles across servers', () => {
  it('are told by the server of the user', async () => {
    await alice.call('PUT', `/v3/profile/${enc(alice.userId)}/displayname`, { body: { displayname: 'Alice Cooper' } })
    expect(await bob.call('GET', `/v3/profile/${enc(alice.userId)}/displayname`)).toEqual({ displayname: 'Alice Cooper' })
    await expect(bob.call('GET', `/v3/profile/${enc(`@nobody:${here.name}`)}`)).rejects.toThrow(/404/)
  })
})

describe('a space on two servers', () => {
  it('shows rooms of both to those who may get into them', async () => {
    const via = (name: string): Readonly<Record<string, unknown>> => ({ via: [name] })
    const space = await alice.createRoom({
      preset: 'public_chat',
      creation_content: { type: 'm.space' },
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
    })
    const open = await bob.createRoom({ preset: 'public_chat', name: 'open' })
    const closed = await bob.createRoom({ preset: 'private_chat' })
    const allow = [{ type: 'm.room_membership', room_id: space, ...via(here.name) }]
    const restricted = await bob.createRoom({
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
    })
    for (const child of [open, closed, restricted]) {
      await alice.call('PUT', `/v3/rooms/${enc(space)}/state/m.space.child/${enc(child)}`, { body: via(there.name) })
    }
    expect(await hierarchy(alice, space)).toEqual([space, open])
    // Only once somebody of the other server is in the space, that server can know who else is.
    await bob.call('POST', `/v3/join/${enc(space)}`, { query: { via: here.name }, body: {} })
    expect(await hierarchy(alice, space)).toEqual([space, open, restricted])
    const carol = await here.register('carol')
    expect(await hierarchy(carol, space)).toEqual([space, open])
    const summary = await alice.call('GET', `/v1/room_summary/${enc(open)}`, { query: { via: there.name } })
    expect(summary).toMatchObject({ room_id: open, name: 'open', membership: 'leave' })
  })
})
