import { setTimeout as delay } from 'node:timers/promises'
import type { FederationTls } from '../test/support/federation-pair.ts'
import type { ServerProcess } from '../test/support/server-process.ts'
import { MatrixClient } from './client/matrix-client.ts'
import { costsBetween, parseMetrics, type ServerMetrics } from './measure/costs.ts'
import { summarize } from './measure/percentiles.ts'
import { cpuMsOf, ownCpuMs } from './measure/process-usage.ts'
import type { Scale } from './options.ts'
import type { Profiler } from './profiler.ts'
import type { WorkloadResult } from './workload-result.ts'

/** Asking costs the server processor time, which counts as that of the workload: seldom enough that it does not tell. */
const PARK_POLL_MS = 20
const PARK_TIMEOUT_MS = 20_000

/** What a workload measures: name, what one operation is, and how often it is done. */
export interface Measurement {
  readonly name: string
  readonly title: string
  readonly operations: number
  /** The same operations before, untimed; their costs are counted like the others'. */
  readonly warmUp?: { readonly operations: number; readonly run: () => Promise<void> }
  /** Does the operations; puts the time of each into `samplesMs`. */
  readonly run: (samplesMs: number[]) => Promise<void>
  /** Runs when deferred work is over and counted, e.g. to stop clients that kept listening. */
  readonly after?: () => Promise<void>
  readonly extra?: () => Readonly<Record<string, number>>
}

/** The server under test and what workloads need to drive and measure it. */
export class Bench {
  readonly server: ServerProcess
  readonly scale: Scale
  /** Its name, under which other servers of this machine reach it. */
  readonly serverName: string
  /** Certificate and key that all servers of the benchmark have. */
  readonly tls: FederationTls
  readonly #profiler: Profiler | undefined
  #users = 0

  constructor(server: ServerProcess, federation: { serverName: string; tls: FederationTls }, scale: Scale, profiler: Profiler | undefined) {
    this.server = server
    this.serverName = federation.serverName
    this.tls = federation.tls
    this.scale = scale
    this.#profiler = profiler
  }

  /** A new user on a connection of their own. */
  user(prefix: string): Promise<MatrixClient> {
    this.#users += 1
    return MatrixClient.register(this.server.url, `${prefix}${this.#users}`)
  }

  /** Several new users. */
  async users(prefix: string, count: number): Promise<MatrixClient[]> {
    const users: MatrixClient[] = []
    // One after the other: hashing their passwords is what takes the time.
    for (let made = 0; made < count; made += 1) users.push(await this.user(prefix))
    return users
  }

  /** A public room with these members. */
  async roomOf(creator: MatrixClient, members: readonly MatrixClient[], name: string): Promise<string> {
    const roomId = await creator.createRoom({ preset: 'public_chat', name })
    for (const member of members) await member.join(roomId)
    return roomId
  }

  async metrics(): Promise<ServerMetrics> {
    return parseMetrics(await this.server.control('GET', '/metrics'))
  }

  /** Waits until this many polls are waiting in the server. */
  async parked(count: number): Promise<void> {
    for (let waitedMs = 0; waitedMs < PARK_TIMEOUT_MS; waitedMs += PARK_POLL_MS) {
      if ((await this.metrics()).parkedPolls >= count) return
      await delay(PARK_POLL_MS)
    }
    throw new Error(`${count} polls should be waiting by now`)
  }

  /** Waits for deferred work, so that what is measured next pays for nothing else. `atLeastMs`: however short the wait between workloads is. */
  async settle(atLeastMs = 0): Promise<void> {
    await delay(Math.max(this.scale.settleMs, atLeastMs))
  }

  /** Measures one workload until its deferred work is over. */
  async measure(measurement: Measurement): Promise<WorkloadResult> {
    const { name, title, operations } = measurement
    const pid = await this.server.workerdPid()
    const before = await this.metrics()
    await measurement.warmUp?.run()
    await this.#profiler?.start()
    const cpuBefore = await cpuMsOf(pid)
    const ownBefore = ownCpuMs()
    const startedMs = performance.now()
    const samplesMs: number[] = []
    await measurement.run(samplesMs)
    const wallMs = performance.now() - startedMs
    const clientCpu = ownCpuMs() - ownBefore
    const cpu = (await cpuMsOf(pid)) - cpuBefore
    await this.#profiler?.stop(name)
    await this.settle()
    const after = await this.metrics()
    const deferredCpu = (await cpuMsOf(pid)) - cpuBefore - cpu
    await measurement.after?.()
    return {
      name,
      title,
      operations,
      countedOperations: operations + (measurement.warmUp?.operations ?? 0),
      wallMs,
      perSecond: (operations * 1000) / wallMs,
      latencyMs: summarize(samplesMs),
      cpuMs: cpu / operations,
      deferredCpuMs: deferredCpu / operations,
      clientCpuMs: clientCpu / operations,
      costs: costsBetween(before.costs, after.costs),
      extra: measurement.extra?.() ?? {},
    }
  }
}

/** Runs `operation` `count` times on each of several lanes at once. */
export async function inLanes<Lane>(
  lanes: readonly Lane[],
  count: number,
  operation: (lane: Lane, index: number) => Promise<void>,
): Promise<void> {
  await Promise.all(
    lanes.map(async (lane) => {
      for (let done = 0; done < count; done += 1) await operation(lane, done)
    }),
  )
}
