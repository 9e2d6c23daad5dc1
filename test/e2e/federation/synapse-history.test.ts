import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type FederatedServer, joinVia, startFederation } from '../../support/federation-pair.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { SYNAPSE_VENV, type SynapseServer, startSynapse } from '../../support/synapse-server.ts'

async function bodies(client: MatrixClient, roomId: string): Promise<unknown[]> {
  return (await client.history(roomId)).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
}

async function sendMany(client: MatrixClient, roomId: string, name: string, count: number): Promise<string[]> {
  const sent = Array.from({ length: count }, (_, n) => `${name} ${n}`)
  for (const body of sent) await client.send(roomId, body)
  return sent
}

/** Forks with Synapse are in synapse-rooms; this is about what one of the two has missed. */
describe.skipIf(SYNAPSE_VENV === undefined)('history shared with Synapse', () => {
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

  describe.each(['10', '11', '12'])('in version %s', (version) => {
    it('of 300 events there is read back here, and of 300 here there', { timeout: 600_000 }, async () => {
      const there = await sam.createRoom({ preset: 'public_chat', room_version: version })
      const ofSam = await sendMany(sam, there, 'sam', 300)
      await joinVia(alice, there, synapse.name)
      expect(await bodies(alice, there)).toEqual(ofSam)
      const here = await alice.createRoom({ preset: 'public_chat', room_version: version })
      const ofAlice = await sendMany(alice, here, 'alice', 300)
      await joinVia(sam, here, myelin.name)
      const atSam = await eventually(
        () => bodies(sam, here),
        (list) => list.length >= 300,
        60_000,
      )
      expect(atSam).toEqual(ofAlice)
    })

    it('has no gap here after leaving and coming back 100 events later', { timeout: 600_000 }, async () => {
      const roomId = await sam.createRoom({ preset: 'public_chat', room_version: version })
      const first = await sendMany(sam, roomId, 'first', 10)
      await joinVia(alice, roomId, synapse.name)
      await alice.send(roomId, 'here')
      await eventually(
        () => bodies(sam, roomId),
        (list) => list.includes('here'),
      )
      await alice.leave(roomId)
      await eventually(
        () => sam.joinedMembers(roomId),
        (members) => !members.includes(alice.userId),
      )
      const away = await sendMany(sam, roomId, 'away', 100)
      await joinVia(alice, roomId, synapse.name)
      await sam.send(roomId, 'back')
      const seen = await eventually(
        () => bodies(alice, roomId),
        (list) => list.includes('back'),
      )
      expect(seen).toEqual([...first, 'here', ...away, 'back'])
    })

    it('is made whole after this server was away while 300 events and a topic went by', { timeout: 600_000 }, async () => {
      const power = { users_default: 50, state_default: 50 }
      const roomId = await sam.createRoom({ preset: 'public_chat', room_version: version, power_level_content_override: power })
      await joinVia(alice, roomId, synapse.name)
      await alice.send(roomId, 'start')
      await eventually(
        () => bodies(sam, roomId),
        (list) => list.includes('start'),
      )
      await myelin.link.cut()
      const away = await sendMany(sam, roomId, 'away', 150)
      await sam.sendState(roomId, 'm.room.topic', '', { topic: 'meanwhile' })
      const more = await sendMany(sam, roomId, 'more', 150)
      await alice.send(roomId, 'alone')
      await myelin.link.join()
      await alice.send(roomId, 'joined again')
      await sam.send(roomId, 'me too')
      const wanted = ['start', ...away, ...more, 'alone', 'joined again', 'me too'].sort()
      const seen = await eventually(
        () => bodies(alice, roomId),
        (list) => list.includes('me too') && list.length >= wanted.length,
        150_000,
      )
      expect([...seen].sort()).toEqual(wanted)
      const topic = (client: MatrixClient) => client.call('GET', `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.topic`)
      expect(await topic(alice)).toEqual(await topic(sam))
    })
  })
})
