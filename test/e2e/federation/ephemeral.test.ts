import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, startFederation } from '../../support/federation-pair.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { SYNAPSE_VENV, type SynapseServer, startSynapse } from '../../support/synapse-server.ts'

/** Ephemeral data as the latest syncs of one client have it. */
class EphemeralObserver {
  readonly client: MatrixClient
  readonly roomId: string
  typing: readonly string[] = []
  /** `event thread` by user. */
  readonly receipts = new Map<string, string>()
  #since: string | undefined

  constructor(client: MatrixClient, roomId: string) {
    this.client = client
    this.roomId = roomId
  }

  async sync(): Promise<this> {
    const synced = await this.client.sync({ timeout: '0', ...(this.#since === undefined ? {} : { since: this.#since }) })
    this.#since = synced.next_batch
    const room = synced.rooms?.join?.[this.roomId]
    for (const { type, content } of room?.ephemeral?.events ?? []) {
      if (type === 'm.typing') this.typing = content.user_ids as string[]
      if (type !== 'm.receipt') continue
      for (const [eventId, kinds] of Object.entries(content as ReceiptContent)) {
        for (const [userId, data] of Object.entries(kinds['m.read'] ?? {})) this.receipts.set(userId, `${eventId} ${data.thread_id ?? ''}`)
      }
    }
    return this
  }

  /** Syncs until something holds. */
  async until(condition: (seen: this) => boolean): Promise<void> {
    await eventually(async () => {
      await this.sync()
      return condition(this)
    }, Boolean)
  }
}
type ReceiptContent = Record<string, Record<string, Record<string, { thread_id?: string }>>>

const path = (roomId: string, rest: string): string => `/v3/rooms/${encodeURIComponent(roomId)}/${rest}`

interface Pair {
  readonly alice: MatrixClient
  readonly bob: MatrixClient
  /** Where Alice is. */
  readonly via: string
  stop(): Promise<void>
}

async function withMyelin(): Promise<Pair> {
  const federation = await startFederation(2)
  const [here, there] = federation.servers
  if (here === undefined || there === undefined) throw new Error('two servers are needed')
  return { alice: await here.register('alice'), bob: await there.register('bob'), via: here.name, stop: () => federation.stop() }
}

async function withSynapse(): Promise<Pair> {
  const federation = await startFederation(1)
  const [here] = federation.servers
  if (here === undefined || SYNAPSE_VENV === undefined) throw new Error('two servers are needed')
  const synapse: SynapseServer = await startSynapse(SYNAPSE_VENV, federation.tls)
  const bob = await MatrixClient.register({ url: synapse.url, fetch }, 'bob')
  const stop = async (): Promise<void> => {
    await synapse.stop()
    await federation.stop()
  }
  return { alice: await here.register('alice'), bob, via: here.name, stop }
}

function tellStory(start: () => Promise<Pair>): void {
  let pair: Pair
  let roomId: string
  let sides: readonly (readonly [from: MatrixClient, to: EphemeralObserver])[]

  beforeAll(async () => {
    pair = await start()
    const { alice, bob, via } = pair
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.call('POST', `/v3/join/${encodeURIComponent(roomId)}`, { query: { via, server_name: via }, body: {} })
    sides = [
      [alice, new EphemeralObserver(bob, roomId)],
      [bob, new EphemeralObserver(alice, roomId)],
    ]
  }, 120_000)
  afterAll(async () => pair?.stop())

  it('typing goes both ways, and ends', async () => {
    for (const [from, to] of sides) {
      const type = (typing: boolean): Promise<unknown> =>
        from.call('PUT', path(roomId, `typing/${encodeURIComponent(from.userId)}`), { body: { typing, timeout: 30_000 } })
      await type(true)
      await to.until(({ typing }) => typing.includes(from.userId))
      await type(false)
      await to.until(({ typing }) => !typing.includes(from.userId))
    }
  })

  it('receipts go both ways, with their threads; private ones do not', async () => {
    for (const [from, to] of sides) {
      const root = await to.client.send(roomId, 'root')
      const relation = { rel_type: 'm.thread', event_id: root }
      const reply = await to.client.send(roomId, { msgtype: 'm.text', body: 'reply', 'm.relates_to': relation })
      await eventually(
        () => from.history(roomId),
        (events) => events.some(({ event_id: eventId }) => eventId === reply),
      )
      const read = (kind: string, eventId: string, body: object): Promise<unknown> =>
        from.call('POST', path(roomId, `receipt/${kind}/${encodeURIComponent(eventId)}`), { body })
      await read('m.read.private', root, {})
      await read('m.read', reply, { thread_id: root })
      await to.until(({ receipts }) => receipts.get(from.userId) === `${reply} ${root}`)
      const last = await to.client.send(roomId, 'last')
      await eventually(
        () => from.history(roomId),
        (events) => events.some(({ event_id: eventId }) => eventId === last),
      )
      await read('m.read', last, {})
      await to.until(({ receipts }) => receipts.get(from.userId) === `${last} `)
    }
  })

  it('a changed profile goes both ways, to the room and to who asks', async () => {
    for (const [from, to] of sides) {
      const displayname = `the ${from.userId.slice(1, 4)} of now`
      await from.call('PUT', `/v3/profile/${encodeURIComponent(from.userId)}/displayname`, { body: { displayname } })
      const nameInRoom = async (): Promise<unknown> =>
        (await to.client.state(roomId)).find(({ state_key: key, type }) => type === 'm.room.member' && key === from.userId)?.content
          .displayname
      await eventually(nameInRoom, (name) => name === displayname)
      expect(await to.client.call('GET', `/v3/profile/${encodeURIComponent(from.userId)}`)).toMatchObject({ displayname })
    }
  })
}

describe('typing, receipts and profiles over two servers', () => tellStory(withMyelin))
describe.skipIf(SYNAPSE_VENV === undefined)('typing, receipts and profiles with Synapse', () => tellStory(withSynapse))
