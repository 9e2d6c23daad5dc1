import { eventually, type FederatedServer, startFederation } from './federation-pair.ts'
import { HostilePeer } from './hostile-peer.ts'
import type { HostileRoom } from './hostile-room.ts'
import type { ClientEvent, MatrixClient } from './matrix-client.ts'

/** One server under test, and peers that may lie to it. */
export interface HostileWorld {
  readonly here: FederatedServer
  /** Another peer, with a name and a key of its own. */
  peer(): Promise<HostilePeer>
  stop(): Promise<void>
}

/** Starts the server under test. */
export async function startHostileWorld(env: Readonly<Record<string, string>> = {}): Promise<HostileWorld> {
  const federation = await startFederation(1, env)
  const [here] = federation.servers
  if (here === undefined) throw new Error('a server is needed')
  const peers: HostilePeer[] = []
  return {
    here,
    peer: async () => {
      const peer = await HostilePeer.start({ name: here.name, url: here.process.url }, federation.tls)
      peers.push(peer)
      return peer
    },
    stop: async () => {
      if (process.env.SHOW_OUTPUT) console.log(here.process.output())
      await federation.stop()
      await Promise.all(peers.map((peer) => peer.stop()))
    },
  }
}

/** A room of the server under test that a user of a peer has joined. */
export interface SharedRoom {
  readonly roomId: string
  readonly peer: HostilePeer
  readonly room: HostileRoom
  readonly eve: string
}

let users = 0

/** Makes a public room of the server under test, and joins it from a peer. */
export async function shareRoom(
  alice: MatrixClient,
  peer: HostilePeer,
  version: string,
  body: Readonly<Record<string, unknown>> = {},
): Promise<SharedRoom> {
  users += 1
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, ...body })
  const eve = peer.user(`eve${users}`)
  return { roomId, peer, eve, room: await peer.join(roomId, eve) }
}

/** Everything that a user sees of a room, oldest first. */
export async function seen(client: MatrixClient, roomId: string): Promise<ClientEvent[]> {
  return await client.history(roomId)
}

/** Texts of the messages that a user sees, oldest first. */
export async function texts(client: MatrixClient, roomId: string): Promise<unknown[]> {
  return (await client.history(roomId)).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
}

/** Waits until a peer has received a message. */
export async function heard(peer: HostilePeer, roomId: string, body: string) {
  const found = await eventually(
    async () => peer.receivedOf(roomId).find((pdu) => (pdu.content as { body?: unknown }).body === body),
    (pdu) => pdu !== undefined,
  )
  if (found === undefined) throw new Error('not heard')
  return found
}

/** The status and code of a refusal of the client API, or 200. */
export async function outcomeOf(call: Promise<unknown>): Promise<{ readonly status: number; readonly errcode: string }> {
  try {
    await call
    return { status: 200, errcode: '' }
  } catch (cause) {
    if (cause instanceof Error && 'status' in cause && 'errcode' in cause) {
      return { status: Number(cause.status), errcode: String(cause.errcode) }
    }
    throw cause
  }
}
