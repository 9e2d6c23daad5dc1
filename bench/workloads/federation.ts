import type { JsonObject } from '../../src/matrix/json.ts'
import { federationEnv } from '../../test/support/federation-pair.ts'
import { freePort } from '../../test/support/free-port.ts'
import { HostilePeer } from '../../test/support/hostile-peer.ts'
import { startServerProcess } from '../../test/support/server-process.ts'
import { type Bench, inLanes } from '../bench.ts'
import { MatrixClient } from '../client/matrix-client.ts'
import type { Workload } from '../workload.ts'
import type { WorkloadResult } from '../workload-result.ts'

/** PDUs of one transaction (server-server-api#transactions). */
const TRANSACTION_PDUS = 50
/** Servers that send at once in {@link receiveFromMany}. */
const SENDING_SERVERS = 4
/** How long a poll may wait: longer than any step of a workload. */
const POLL_TIMEOUT_MS = 25_000

/** Transactions of one server for one room, signed before anything is measured. */
interface Lane {
  readonly peer: HostilePeer
  readonly transactions: (() => Promise<Response>)[]
}

async function laneOf(bench: Bench, transactions: number): Promise<Lane> {
  const { server, tls, serverName } = bench
  const peer = await HostilePeer.start({ name: serverName, url: server.url }, tls)
  const creator = await bench.user('host')
  const roomId = await creator.createRoom({ preset: 'public_chat', room_version: '12' })
  const speaker = peer.user('speaker')
  const room = await peer.join(roomId, speaker)
  const signed = Array.from({ length: transactions }, (_, index) => {
    const pdus = Array.from(
      { length: TRANSACTION_PDUS },
      (_each, n) => room.says(speaker, `The quick brown fox jumps over the lazy dog, ${n}.`).pdu,
    )
    const body: JsonObject = { origin: peer.serverName, origin_server_ts: peer.now(), pdus, edus: [] }
    return peer.signedRequest('PUT', `${server.url}/_matrix/federation/v1/send/bench${index}`, body, { destination: serverName })
  })
  return { peer, transactions: signed.map((request) => () => fetch(request)) }
}

/** Sends the next transaction, and sees to it that all of it was taken. */
async function deliver(lane: Lane, samplesMs: number[]): Promise<void> {
  const send = lane.transactions.shift()
  if (send === undefined) throw new Error('no transaction is left')
  const startedMs = performance.now()
  const response = await send()
  const answer = await response.text()
  samplesMs.push(performance.now() - startedMs)
  if (response.status !== 200 || answer.includes('"error"')) throw new Error(`${response.status} ${answer.slice(0, 500)}`)
}

function receiving(name: string, title: string, servers: number): Workload {
  return {
    name,
    title,
    prepare: async (bench) => {
      const each = Math.ceil(bench.scale.receivedTransactions / servers)
      const warm = Math.ceil(bench.scale.warmUp / TRANSACTION_PDUS) + 1
      const lanes: Lane[] = []
      for (let made = 0; made < servers; made += 1) lanes.push(await laneOf(bench, each + warm))
      const run = (samplesMs: number[]): Promise<void> => inLanes(lanes, each, (lane) => deliver(lane, samplesMs))
      const warmUp = { operations: warm * servers * TRANSACTION_PDUS, run: () => inLanes(lanes, warm, (lane) => deliver(lane, [])) }
      const operations = each * servers * TRANSACTION_PDUS
      const after = async (): Promise<void> => void (await Promise.all(lanes.map(({ peer }) => peer.stop())))
      const extra = (): Record<string, number> => ({ pdusPerTransaction: TRANSACTION_PDUS, servers })
      return async () => [await bench.measure({ name, title, operations, warmUp, run, extra, after })]
    },
  }
}

/** One transaction after the other, as one server sends them. The samples are whole transactions; rates and costs are per PDU. */
export const receive = receiving('receive', `PDU received, ${TRANSACTION_PDUS} to a transaction, one server and room`, 1)
/** The same from several servers at once, each in a room of its own. */
export const receiveFromMany = receiving('receive-many', `PDU received, ${SENDING_SERVERS} servers and rooms`, SENDING_SERVERS)

/** One message at a time, to a user of another server whose poll waits. */
export const deliverRemotely: Workload = {
  name: 'deliver-remote',
  title: 'delivery to a waiting receiver on another server',
  prepare: async (bench) => {
    const port = await freePort()
    const other = await startServerProcess({ serverName: `localhost:${port}`, env: federationEnv(port, bench.tls) })
    const sender = await bench.user('near')
    const receiver = await MatrixClient.register(other.url, 'far')
    const roomId = await sender.createRoom({ preset: 'public_chat' })
    await receiver.request({
      method: 'POST',
      path: `/_matrix/client/v3/join/${encodeURIComponent(roomId)}?via=${encodeURIComponent(bench.serverName)}`,
      body: '{}',
    })
    await receiver.sync(0)
    const deliverOnce = async (samplesMs: number[]): Promise<void> => {
      const heard = receiver.sync(POLL_TIMEOUT_MS)
      const { sentMs } = await sender.send(roomId)
      let { body, receivedMs } = await heard
      // A poll that ends because of something else, such as a receipt, is followed by the next.
      while (!body.includes('m.room.message')) ({ body, receivedMs } = await receiver.sync(POLL_TIMEOUT_MS))
      samplesMs.push(receivedMs - sentMs)
    }
    const { deliveries, warmUp } = bench.scale
    const warmUps = Math.min(warmUp, 20)
    const { name, title } = deliverRemotely
    const measure = (): Promise<WorkloadResult> =>
      bench.measure({
        name,
        title,
        operations: deliveries,
        warmUp: { operations: warmUps, run: () => inLanes([0], warmUps, () => deliverOnce([])) },
        run: (samplesMs) => inLanes([0], deliveries, () => deliverOnce(samplesMs)),
        after: async () => void (await other.stop()),
      })
    return async () => [await measure()]
  },
}
