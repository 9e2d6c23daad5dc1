import type { Bench } from './bench.ts'
import type { BenchOptions } from './options.ts'
import type { WorkloadResult } from './workload-result.ts'

/** Work that needs no server, such as that of the pure rules. */
export interface StandaloneWorkload {
  /** As `--only` and the budgets name it. */
  readonly name: string
  measure(options: BenchOptions): Promise<WorkloadResult[]>
}

/** One kind of work, prepared before anything is measured. */
export interface Workload {
  /** As `--only` and the budgets name it. */
  readonly name: string
  /** What one operation is. */
  readonly title: string
  /** Makes users and rooms; answers what to measure. Runs before the first measurement, so that its deferred work is over by then. */
  prepare(bench: Bench): Promise<() => Promise<WorkloadResult[]>>
}
