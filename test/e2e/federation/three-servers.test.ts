import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, joinVia, startFederation } from '../../support/federation-pair.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { SYNAPSE_VENV, type SynapseServer, startSynapse } from '../../support/synapse-server.ts'

const LONG = { timeout: 300_000 }
const enc = encodeURIComponent

/** A user and the server that they are of. */
interface Side {
  readonly client: MatrixClient
  readonly server: string
}

interface Directory {
  readonly chunk: readonly { readonly room_id: string; readonly name?: string }[]
}

interface Hierarchy {
  readonly rooms: readonly { readonly room_id: string }[]
}

interface Presence {
  readonly presence?: string
  readonly status_msg?: string
}

async function hierarchy({ client }: Side, roomId: string): Promise<string[]> {
  return (await client.call<Hierarchy>('GET', `/v1/rooms/${enc(roomId)}/hierarchy`)).rooms.map(({ room_id: id }) => id).sort()
}

/** What is shown of rooms and people to those who are not in them, with a Synapse and two servers of this kind. */
describe.skipIf(SYNAPSE_VENV === undefined)('two servers and a Synapse', () => {
  let federation: Awaited<ReturnType<typeof startFederation>>
  let synapse: SynapseServer
  let alice: Side
  let bob: Side
  let sam: Side

  beforeAll(async () => {
    if (SYNAPSE_VENV === undefined) throw new Error('SYNAPSE_VENV is not set')
    federation = await startFederation(2, { MYELIN_PRESENCE: 'on' })
    const [here, there] = federation.servers
    if (here === undefined || there === undefined) throw new Error('two servers are needed')
    synapse = await startSynapse(SYNAPSE_VENV, federation.tls, { presence: true })
    alice = { client: await here.register('alice'), server: here.name }
    bob = { client: await there.register('bob'), server: there.name }
    sam = { client: await MatrixClient.register({ url: synapse.url, fetch }, 'sam'), server: synapse.name }
  }, 180_000)

  afterAll(async () => {
    if (process.env.SHOW_OUTPUT) console.log(synapse?.output())
    await synapse?.stop()
    await federation?.stop()
  })

  const directions = (): readonly (readonly [host: Side, guest: Side])[] => [
    [alice, sam],
    [sam, alice],
  ]

  it('rooms are joined by the names that the other server gave them, and nothing else has a name', LONG, async () => {
    for (const [host, guest] of directions()) {
      const roomId = await host.client.createRoom({ preset: 'public_chat', room_alias_name: 'harbour' })
      const alias = `#harbour:${host.server}`
      expect(await guest.client.call('GET', `/v3/directory/room/${enc(alias)}`)).toMatchObject({ room_id: roomId, servers: [host.server] })
      await guest.client.call('POST', `/v3/join/${enc(alias)}`, { body: {} })
      const both = [host.client.userId, guest.client.userId].sort()
      expect(await guest.client.joinedMembers(roomId)).toEqual(both)
      await eventually(
        () => host.client.joinedMembers(roomId),
        (members) => members.length === both.length,
      )
      // Alice's server is the one that these tests are about.
      const query = { user_id: sam.client.userId }
      const shared = await alice.client.call<{ joined: string[] }>('GET', '/v1/mutual_rooms', { query })
      expect(shared.joined).toContain(roomId)
      await expect(guest.client.call('GET', `/v3/directory/room/${enc(`#nothing:${host.server}`)}`)).rejects.toThrow(/404/)
    }
  })

  it('public rooms of the other server are listed and searched', LONG, async () => {
    for (const [host, guest] of directions()) {
      const name = `Ships of ${host.client.userId}`
      const roomId = await host.client.createRoom({ visibility: 'public', preset: 'public_chat', name })
      const query = { server: host.server }
      const all = await guest.client.call<Directory>('GET', '/v3/publicRooms', { query })
      expect(all.chunk).toContainEqual(expect.objectContaining({ room_id: roomId, name, num_joined_members: 1 }))
      const search = async (term: string): Promise<string[]> => {
        const body = { filter: { generic_search_term: term } }
        return (await guest.client.call<Directory>('POST', '/v3/publicRooms', { query, body })).chunk.map(({ room_id: id }) => id)
      }
      expect(await search('ships of')).toEqual([roomId])
      expect(await search('trains')).toEqual([])
    }
  })

  it('a space over three servers shows everybody the rooms that they may get into', LONG, async () => {
    const create = ({ client }: Side, isSpace: boolean): Promise<string> =>
      client.createRoom({ preset: 'public_chat', room_version: '11', ...(isSpace ? { creation_content: { type: 'm.space' } } : {}) })
    const addTo = ({ client }: Side, space: string, child: string, { server }: Side): Promise<unknown> =>
      client.call('PUT', `/v3/rooms/${enc(space)}/state/m.space.child/${enc(child)}`, { body: { via: [server] } })
    const [space, inner] = [await create(alice, true), await create(sam, true)]
    const rooms = [await create(alice, false), await create(bob, false), await create(sam, false), await create(bob, false)]
    const [ofAlice = '', ofBob = '', ofSam = '', deep = ''] = rooms
    const closed = await bob.client.createRoom({ preset: 'private_chat', room_version: '11' })
    await addTo(alice, space, ofAlice, alice)
    await addTo(alice, space, ofBob, bob)
    await addTo(alice, space, closed, bob)
    await addTo(alice, space, inner, sam)
    await addTo(sam, inner, ofSam, sam)
    await addTo(sam, inner, deep, bob)
    for (const { client } of [bob, sam]) await joinVia(client, space, alice.server)
    const shown = [space, inner, ...rooms].sort()
    for (const side of [alice, sam]) expect(await hierarchy(side, space)).toEqual(shown)
    expect(await hierarchy(bob, space)).toEqual([...shown, closed].sort())
  })

  it('who shares a room sees who is online, and what they say of themselves', LONG, async () => {
    for (const [host, guest] of directions()) {
      const roomId = await host.client.createRoom({ preset: 'public_chat' })
      await joinVia(guest.client, roomId, host.server)
      const says = `from ${guest.client.userId}`
      let times = 0
      await eventually(
        async () => {
          // What was said before the servers knew of one another is not said again unless it changes.
          times += 1
          const body = { presence: 'online', status_msg: `${says}, ${times}` }
          await guest.client.call('PUT', `/v3/presence/${enc(guest.client.userId)}/status`, { body })
          return await host.client.call<Presence>('GET', `/v3/presence/${enc(guest.client.userId)}/status`)
        },
        (seen) => seen.presence === 'online' && seen.status_msg?.startsWith(says) === true,
      )
    }
  })
})
