/**
 * `npm run bench`: starts the self-hosted server on a throw-away data directory, drives it over loopback, and writes what operations take and
 * cost to `bench/results`. Ends with 1 when a count is over its budget. What the numbers mean: docs/performance.md.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { federationEnv, makeFederationTls } from '../test/support/federation-pair.ts'
import { freePort } from '../test/support/free-port.ts'
import { startServerProcess } from '../test/support/server-process.ts'
import { Bench } from './bench.ts'
import { checkBudgets } from './budgets.ts'
import { describeCommit, describeMachine, projectRoot } from './machine.ts'
import { measureFsync } from './measure/fsync.ts'
import { type BenchOptions, readOptions } from './options.ts'
import { inspected } from './profiler.ts'
import { type Report, renderMarkdown } from './report.ts'
import type { StandaloneWorkload, Workload } from './workload.ts'
import type { WorkloadResult } from './workload-result.ts'
import { claims } from './workloads/claims.ts'
import { deliverToMany, deliverToOne } from './workloads/delivery.ts'
import { fanOut } from './workloads/fan-out.ts'
import { deliverRemotely, receive, receiveFromMany } from './workloads/federation.ts'
import { largeJoin } from './workloads/large-join.ts'
import { largeRoom } from './workloads/large-room.ts'
import { memory } from './workloads/memory.ts'
import { protocol } from './workloads/protocol.ts'
import { createInviteJoin, messages } from './workloads/rooms.ts'
import { sendAlone, sendOverRooms, sendShared } from './workloads/send.ts'
import { sliding } from './workloads/sliding.ts'
import { syncing } from './workloads/sync.ts'

/** Before the server is started. */
const STANDALONE: readonly StandaloneWorkload[] = [protocol, largeJoin]

/** In this order: the last ones restart the server. */
const WORKLOADS: readonly Workload[] = [
  sendAlone,
  sendShared,
  sendOverRooms,
  deliverToOne,
  deliverToMany,
  fanOut,
  largeRoom,
  createInviteJoin,
  messages,
  claims,
  receive,
  receiveFromMany,
  deliverRemotely,
  syncing,
  sliding,
  memory,
]

/** What preparing leaves to be done later is done by then: the registry is told of events after a minute. */
const PREPARATION_SETTLE_MS = 75_000

function progress(message: string): void {
  process.stderr.write(`${message}\n`)
}

function chosen<Kind extends { readonly name: string }>(workloads: readonly Kind[], options: BenchOptions): Kind[] {
  return workloads.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
}

function checkNames(options: BenchOptions): void {
  const names = [...STANDALONE, ...WORKLOADS].map(({ name }) => name)
  const unknown = options.only.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`no workload is called ${unknown.join(', ')}; there are ${names.join(', ')}`)
}

async function runStandalone(options: BenchOptions): Promise<WorkloadResult[]> {
  const results: WorkloadResult[] = []
  for (const workload of chosen(STANDALONE, options)) {
    progress(`measuring ${workload.name}`)
    results.push(...(await workload.measure(options)))
  }
  return results
}

async function runWorkloads(bench: Bench, workloads: readonly Workload[]): Promise<WorkloadResult[]> {
  const prepared: { name: string; run: () => Promise<WorkloadResult[]> }[] = []
  for (const workload of workloads) {
    progress(`preparing ${workload.name}`)
    prepared.push({ name: workload.name, run: await workload.prepare(bench) })
  }
  await bench.settle(PREPARATION_SETTLE_MS)
  const results: WorkloadResult[] = []
  for (const { name, run } of prepared) {
    progress(`measuring ${name}`)
    const measured = await run()
    for (const result of measured) progress(`  ${result.name}: ${JSON.stringify(result)}`)
    results.push(...measured)
  }
  return results
}

async function runWithServer(options: BenchOptions, dataDir: string, workloads: readonly Workload[]): Promise<WorkloadResult[]> {
  const { env: inspectorEnv, profiler } = await inspected(options.profile)
  const tls = await makeFederationTls()
  const port = await freePort()
  const serverName = `localhost:${port}`
  const env: Record<string, string> = {
    ...federationEnv(port, tls),
    ...inspectorEnv,
  }
  const server = await startServerProcess({ serverName, dataDir, env, ...(options.bundle === undefined ? {} : { bundle: options.bundle }) })
  try {
    return await runWorkloads(new Bench(server, { serverName, tls }, options.scale, profiler), workloads)
  } catch (cause) {
    progress(server.output())
    throw cause
  } finally {
    await server.stop()
    await rm(tls.folder, { recursive: true, force: true })
  }
}

async function benchmark(options: BenchOptions, dataDir: string): Promise<Report> {
  checkNames(options)
  const startedAt = new Date().toISOString().replace(/\.\d+/, '')
  const workloads = chosen(WORKLOADS, options)
  const fsyncMs = await measureFsync(dataDir)
  const results = await runStandalone(options)
  if (workloads.length > 0) results.push(...(await runWithServer(options, dataDir, workloads)))
  return {
    scale: options.scale.name,
    startedAt,
    commit: describeCommit(),
    machine: describeMachine(),
    settleMs: options.scale.settleMs,
    fsyncMs,
    results,
    budgets: checkBudgets(results),
  }
}

const options = readOptions(process.argv.slice(2))
const dataDir = await mkdtemp(join(options.dir ?? tmpdir(), 'myelin-bench-'))
try {
  const report = await benchmark(options, dataDir)
  const markdown = renderMarkdown(report)
  const out = options.out ?? join(projectRoot, 'bench/results', options.scale.name === 'full' && options.only.length === 0 ? 'full' : 'tmp')
  await writeFile(`${out}.json`, `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(`${out}.md`, markdown)
  process.stdout.write(markdown)
  process.exitCode = report.budgets.every(({ ok }) => ok) ? 0 : 1
} finally {
  await rm(dataDir, { recursive: true, force: true })
}
