import { setTimeout as delay } from 'node:timers/promises'
import { serveWith } from '../../test/support/federation-https.ts'
import { federationEnv, makeFederationTls } from '../../test/support/federation-pair.ts'
import { freePort } from '../../test/support/free-port.ts'
import { GiantRoom, type GiantSize } from '../../test/support/giant-room.ts'
import { startServerProcess } from '../../test/support/server-process.ts'
import { MatrixClient } from '../client/matrix-client.ts'
import { summarize } from '../measure/percentiles.ts'
import { cpuMsOf, ownCpuMs, residentMibOf } from '../measure/process-usage.ts'
import { inspected, type Profiler } from '../profiler.ts'
import type { StandaloneWorkload } from '../workload.ts'
import type { WorkloadResult } from '../workload-result.ts'

const SIZES: Readonly<Record<'full' | 'quick', GiantSize>> = {
  full: { members: 50_000, earlier: 3, servers: 500 },
  quick: { members: 500, earlier: 3, servers: 50 },
}
/** How often somebody else sends a message into a room of their own, and how often memory is looked at. */
const OTHERS_EVERY_MS = 100
const P99 = 0.99

/** Joining a very large room of very many servers, while somebody else goes on using the server. The samples are that other user's messages. */
export const largeJoin: StandaloneWorkload = {
  name: 'large-join',
  measure: async ({ scale, profile }) => {
    const tls = await makeFederationTls()
    const size = SIZES[scale.name]
    let giant: GiantRoom | undefined
    const https = await serveWith(
      { answer: async (request) => (giant === undefined ? Response.error() : giant.owner.answer(request)) },
      tls,
    )
    const owner = `localhost:${https.port}`
    giant = new GiantRoom(owner, size, Date.now())
    const port = await freePort()
    const { env: inspectorEnv, profiler } = await inspected(profile)
    const env = { ...federationEnv(port, tls), MYELIN_NOTARIES: owner, ...inspectorEnv }
    const server = await startServerProcess({ serverName: `localhost:${port}`, env })
    try {
      return [await measureJoin(server, giant, size, profiler)]
    } finally {
      await server.stop()
      await https.close()
    }
  },
}

async function measureJoin(
  server: Awaited<ReturnType<typeof startServerProcess>>,
  { room, owner, events }: GiantRoom,
  size: GiantSize,
  profiler: Profiler | undefined,
): Promise<WorkloadResult> {
  const [joiner, other] = [await MatrixClient.register(server.url, 'joiner'), await MatrixClient.register(server.url, 'other')]
  const elsewhere = await other.createRoom({ preset: 'private_chat' })
  const pid = await server.workerdPid()
  for (let sent = 0; sent < 50; sent += 1) await other.send(elsewhere)
  await profiler?.start()
  const [memoryBefore, cpuBefore, ownBefore, startedMs] = [await residentMibOf(pid), await cpuMsOf(pid), ownCpuMs(), performance.now()]
  let isJoined = false
  let memoryMost = memoryBefore
  const samplesMs: number[] = []
  const others = async (): Promise<void> => {
    while (!isJoined) {
      const { sentMs, receivedMs } = await other.send(elsewhere)
      samplesMs.push(receivedMs - sentMs)
      memoryMost = Math.max(memoryMost, await residentMibOf(pid))
      await delay(OTHERS_EVERY_MS)
    }
  }
  const join = async (): Promise<void> => {
    const via = encodeURIComponent(owner.serverName)
    const answer = await joiner.request({
      method: 'POST',
      path: `/_matrix/client/v3/join/${encodeURIComponent(room.roomId)}?via=${via}`,
      body: '{}',
    })
    isJoined = true
    if (answer.status !== 200) throw new Error(`the join was answered ${answer.status}`)
  }
  await Promise.all([join(), others()])
  const wallMs = performance.now() - startedMs
  const cpuMs = (await cpuMsOf(pid)) - cpuBefore
  await profiler?.stop(largeJoin.name)
  const joined = await joiner.get(`/rooms/${encodeURIComponent(room.roomId)}/joined_members`)
  const members = Object.keys((JSON.parse(joined.body.toString('utf8')) as { joined: object }).joined).length
  if (members !== size.members + 2) throw new Error(`${members} members have joined`)
  samplesMs.sort((a, b) => a - b)
  return {
    name: largeJoin.name,
    title: `event of a room of ${size.members} members that is joined (${events}; times: somebody else’s messages meanwhile)`,
    operations: events,
    countedOperations: events,
    wallMs,
    perSecond: (events * 1000) / wallMs,
    latencyMs: summarize(samplesMs),
    cpuMs: cpuMs / events,
    deferredCpuMs: 0,
    clientCpuMs: (ownCpuMs() - ownBefore) / events,
    costs: {},
    extra: {
      seconds: wallMs / 1000,
      memoryGrowthMib: memoryMost - memoryBefore,
      othersP99Ms: samplesMs[Math.min(samplesMs.length - 1, Math.floor(P99 * samplesMs.length))] ?? 0,
      servers: size.servers,
    },
  }
}
