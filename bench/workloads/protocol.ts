import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MAX_PART_BYTES } from '../../src/state-resolution/index.ts'
import { projectRoot } from '../machine.ts'
import { summarize } from '../measure/percentiles.ts'
import type { AuthorizeReport } from '../protocol/authorize.ts'
import type { ResolveReport } from '../protocol/resolve.ts'
import type { VerifyReport, VerifyReports } from '../protocol/verify.ts'
import type { StandaloneWorkload } from '../workload.ts'
import type { WorkloadResult } from '../workload-result.ts'

/** A heap of 64 MiB: 52 for what is old, and three spaces of 4 for what is young. */
const SMALL_HEAP = ['--max-old-space-size=52', '--max-semi-space-size=4']
const MAX_OUTPUT_BYTES = 16 * 2 ** 20
const VERIFY_ROUNDS = { full: 20, quick: 4 }
const AUTHORIZE_ROUNDS = { full: 200, quick: 20 }

/** The rules themselves, each in a process of its own: verifying events, authorizing them, resolving a room made to be expensive. */
export const protocol: StandaloneWorkload = {
  name: 'protocol',
  measure: async ({ scale: { name: scale } }) => {
    const verified = await child<VerifyReports>('verify', [String(VERIFY_ROUNDS[scale])])
    const authorized = await child<AuthorizeReport>('authorize', [String(AUTHORIZE_ROUNDS[scale])])
    const { events, allowed, cpuMs } = authorized
    const { parse } = verified
    return [
      result('parse', 'events read strictly', parse.events, parse.strictCpuMs, { speedOfJsonParse: parse.nativeCpuMs / parse.strictCpuMs }),
      verification('verify', 'events verified, in workerd', verified.workerd),
      verification('verify-node', 'events verified, in Node', verified.node),
      result('authorize', 'events authorized', events, cpuMs, { allowedShare: allowed / events }),
      resolution('resolve-11', await child<ResolveReport>('resolve', ['11'], SMALL_HEAP)),
      resolution('resolve-12', await child<ResolveReport>('resolve', ['12'], SMALL_HEAP)),
    ]
  },
}

async function child<Printed>(name: string, args: readonly string[], flags: readonly string[] = []): Promise<Printed> {
  const script = join(projectRoot, 'bench/protocol', `${name}.ts`)
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, ...args], { maxBuffer: MAX_OUTPUT_BYTES })
  return JSON.parse(stdout) as Printed
}

/** Rates are of processor time, which what else runs on the machine does not shorten. */
function result(
  name: string,
  title: string,
  operations: number,
  cpuMs: number,
  extra: WorkloadResult['extra'],
  slicesCpuMs: readonly number[] = [],
): WorkloadResult {
  return {
    name,
    title,
    operations,
    countedOperations: operations,
    wallMs: cpuMs,
    perSecond: (operations * 1000) / cpuMs,
    latencyMs: summarize(slicesCpuMs),
    cpuMs: 0,
    deferredCpuMs: 0,
    clientCpuMs: cpuMs / operations,
    costs: {},
    extra,
  }
}

function verification(name: string, title: string, { events, cpuMs, wallMs }: VerifyReport): WorkloadResult {
  return result(name, title, events, cpuMs, { perSecondOnTheClock: (events * 1000) / wallMs })
}

function resolution(name: string, report: ResolveReport): WorkloadResult {
  const { cpuMs, slicesCpuMs, ...extra } = report
  const title = 'room of S2 resolved in 64 MiB; p50 to max: CPU time of slices'
  return result(name, title, 1, cpuMs, { ...extra, partLimitBytes: MAX_PART_BYTES }, slicesCpuMs)
}
