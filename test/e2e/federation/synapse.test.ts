import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type FederatedServer, startFederation } from '../../support/federation-pair.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { SYNAPSE_VENV, type SynapseServer, startSynapse } from '../../support/synapse-server.ts'

async function bodies(client: MatrixClient, roomId: string): Promise<unknown[]> {
  return (await client.history(roomId)).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
}

async function joinVia(client: MatrixClient, roomId: string, via: string): Promise<void> {
  await client.call('POST', `/v3/join/${encodeURIComponent(roomId)}`, { query: { via, server_name: via }, body: {} })
}

describe.skipIf(SYNAPSE_VENV === undefined)('with Synapse', () => {
  let federation: Awaited<ReturnType<typeof startFederation>>
  let myelin: FederatedServer
  let synapse: SynapseServer
  let alice: MatrixClient
  let sam: MatrixClient

  beforeAll(async () => {
    federation = await startFederation(1)
    const [first] = federation.servers
    if (first === undefined || SYNAPSE_VENV === undefined) throw new Error('a server is needed')
    myelin = first
    synapse = await startSynapse(SYNAPSE_VENV, federation.tls)
    alice = await myelin.register('alice')
    sam = await MatrixClient.register({ url: synapse.url, fetch }, 'sam')
  }, 120_000)

  afterAll(async () => {
    if (process.env.SHOW_OUTPUT) console.log(synapse?.output(), myelin?.process.output())
    await synapse?.stop()
    await federation?.stop()
  })

  const talk = async (roomId: string): Promise<void> => {
    for (let n = 0; n < 5; n += 1) {
      await alice.send(roomId, `alice ${n}`)
      await sam.send(roomId, `sam ${n}`)
    }
    const wanted = (list: unknown[]): boolean => list.length === 10
    const atAlice = await eventually(() => bodies(alice, roomId), wanted)
    const atSam = await eventually(() => bodies(sam, roomId), wanted)
    expect([...atAlice].sort()).toEqual([...atSam].sort())
  }

  describe.each(['10', '11', '12'])('in version %s', (version) => {
    it('its user joins a room here, and they talk', { timeout: 60_000 }, async () => {
      const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version })
      await joinVia(sam, roomId, myelin.name)
      await talk(roomId)
    })

    it('a user of ours joins a room there, and they talk', { timeout: 60_000 }, async () => {
      const roomId = await sam.createRoom({ preset: 'public_chat', room_version: version })
      await joinVia(alice, roomId, synapse.name)
      await talk(roomId)
    })

    it('invitations go both ways', { timeout: 60_000 }, async () => {
      const ours = await alice.createRoom({ preset: 'private_chat', room_version: version })
      await alice.moderate('invite', ours, sam.userId)
      await sam.join(ours)
      await talk(ours)
      const theirs = await sam.createRoom({ preset: 'private_chat', room_version: version })
      await sam.moderate('invite', theirs, alice.userId)
      await alice.join(theirs)
      await talk(theirs)
      await sam.moderate('kick', theirs, alice.userId)
      await eventually(
        () => alice.joinedRooms(),
        (rooms) => !rooms.includes(theirs),
      )
    })
  })
})
