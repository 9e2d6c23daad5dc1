import { afterAll, beforeAll, expect } from 'vitest'
import { eventually, type FederatedServer, startFederation } from '../federation-pair.ts'
import { type ClientEvent, MatrixClient } from '../matrix-client.ts'
import { SYNAPSE_VENV, type SynapseServer, startSynapse } from '../synapse-server.ts'

/** Room versions that are shared with Synapse in tests. */
export const SHARED_VERSIONS = ['6', '9', '10', '11', '12'] as const

/** A user and the server that they are of. */
export interface Side {
  readonly client: MatrixClient
  /** Its server name. */
  readonly server: string
}

/** A Myelin and a Synapse on the loopback address, a user on each: `ours` is of Myelin, `theirs` of Synapse. */
export interface SynapseWorld {
  readonly ours: Side
  readonly theirs: Side
  /** Another user of Myelin or of Synapse. */
  user(of: 'ours' | 'theirs', localpart: string): Promise<MatrixClient>
}

/** Starts both servers for the tests of the calling block and stops them afterwards. Call it inside `describe`; ask for the world inside tests. */
export function synapseWorld(): () => SynapseWorld {
  let federation: Awaited<ReturnType<typeof startFederation>> | undefined
  let myelin: FederatedServer | undefined
  let synapse: SynapseServer | undefined
  let world: SynapseWorld | undefined

  beforeAll(async () => {
    if (SYNAPSE_VENV === undefined) throw new Error('SYNAPSE_VENV is not set')
    federation = await startFederation(1)
    const [here] = federation.servers
    if (here === undefined) throw new Error('a server is needed')
    myelin = here
    const there = await startSynapse(SYNAPSE_VENV, federation.tls)
    synapse = there
    const register = (of: 'ours' | 'theirs', localpart: string): Promise<MatrixClient> =>
      of === 'ours' ? here.register(localpart) : MatrixClient.register({ url: there.url, fetch }, localpart)
    world = {
      ours: { client: await register('ours', 'alice'), server: here.name },
      theirs: { client: await register('theirs', 'sam'), server: there.name },
      user: register,
    }
  }, 180_000)

  afterAll(async () => {
    if (process.env.SHOW_OUTPUT) console.log(synapse?.output(), myelin?.process.output())
    await synapse?.stop()
    await federation?.stop()
  })

  return () => {
    if (world === undefined) throw new Error('the servers are not up')
    return world
  }
}

/** Knocks on a room, through a server that has it. */
export async function knockVia(client: MatrixClient, roomId: string, via: string): Promise<void> {
  await client.call('POST', `/v3/knock/${encodeURIComponent(roomId)}`, { query: { via, server_name: via }, body: { reason: 'please' } })
}

/** Bodies of all messages that a user may read in a room, oldest first. */
export async function bodies(client: MatrixClient, roomId: string): Promise<unknown[]> {
  return (await client.history(roomId)).filter(({ type }) => type === 'm.room.message').flatMap(({ content }) => content.body ?? [])
}

/** Waits until users read the same set of messages, as many as are expected. Gives up when nothing new has come for two minutes. */
export async function readTheSame(clients: readonly MatrixClient[], roomId: string, count: number): Promise<unknown[]> {
  const lists: unknown[][] = []
  for (const client of clients) {
    const read = () => bodies(client, roomId)
    lists.push(await eventually(read, (list) => list.length === count, 120_000))
  }
  const [first = [], ...others] = lists.map((list) => list.map(String).sort())
  for (const other of others) expect(other).toEqual(first)
  return lists[0] ?? []
}

/** Waits until a user sees a state event as wanted. */
export function untilState(
  client: MatrixClient,
  roomId: string,
  type: string,
  stateKey: string,
  isWanted: (event: ClientEvent) => boolean,
): Promise<ClientEvent | undefined> {
  const find = async (): Promise<ClientEvent | undefined> =>
    (await client.state(roomId)).find((event) => event.type === type && event.state_key === stateKey)
  return eventually(find, (event) => event !== undefined && isWanted(event))
}

/** Waits until a user is joined to a room, or is not. */
export async function untilJoined(client: MatrixClient, roomId: string, joined: boolean): Promise<void> {
  await eventually(
    () => client.joinedRooms(),
    (rooms) => rooms.includes(roomId) === joined,
  )
}
