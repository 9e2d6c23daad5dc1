import type { Bench } from './bench.ts'
import type { Costs } from './measure/costs.ts'
import type { LatencyMs } from './measure/percentiles.ts'

/** One kind of work, prepared before anything is measured. */
export interface Workload {
  /** As `--only` and the budgets name it. */
  readonly name: string
  /** What one operation is. */
  readonly title: string
  /** Makes users and rooms; answers what to measure. Runs before the first measurement, so that its deferred work is over by then. */
  prepare(bench: Bench): Promise<() => Promise<WorkloadResult[]>>
}

/** What was measured. */
export interface WorkloadResult {
  readonly name: string
  readonly title: string
  readonly operations: number
  /** Operations that `costs` is of: those of the warm-up included. */
  readonly countedOperations: number
  readonly wallMs: number
  readonly perSecond: number
  readonly latencyMs: LatencyMs | undefined
  /** CPU time of workerd for each operation until the last answer. */
  readonly cpuMs: number
  /** CPU time of workerd for each operation after the last answer: deferred work, and what an idle server costs in that time. */
  readonly deferredCpuMs: number
  /** CPU time of this program for each operation: far below 1 / perSecond, or it was the bottleneck. */
  readonly clientCpuMs: number
  /** Everything spent from the first request until `settleMs` after the last answer. */
  readonly costs: Costs
  /** What only this workload has, with units in the names. */
  readonly extra: Readonly<Record<string, number>>
}
