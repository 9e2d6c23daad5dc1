import type { Costs } from './measure/costs.ts'
import type { LatencyMs } from './measure/percentiles.ts'

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
