import type { BudgetCheck } from './budgets.ts'
import type { LatencyMs } from './measure/percentiles.ts'
import type { WorkloadResult } from './workload-result.ts'

/** Everything one run has found out. */
export interface Report {
  readonly scale: string
  /** RFC 3339, to the second. */
  readonly startedAt: string
  /** Short commit ID, with `+` if files differ from it. */
  readonly commit: string
  readonly machine: { readonly cpus: number; readonly cpu: string; readonly node: string; readonly workerd: string }
  /** How long deferred work was waited for after each workload. */
  readonly settleMs: number
  /** Appending a page and making it durable, in the folder of the server's data. */
  readonly fsyncMs: LatencyMs
  readonly results: readonly WorkloadResult[]
  readonly budgets: readonly BudgetCheck[]
}

/** Counters in the order of the table; what a run counted besides them is in the JSON. */
const KINDS = ['rpc', 'commit', 'd1', 'kv', 'r2', 'fetch', 'park', 'hint', 'settle', 'rowsWritten']

function number(value: number): string {
  if (value === 0) return '0'
  if (Math.abs(value) >= 100) return value.toFixed(0)
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map((_, column) => (column === 0 ? '---' : '--:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function timesTable(results: readonly WorkloadResult[]): string {
  const head = ['Workload', 'p50 ms', 'p95 ms', 'max ms', 'per second', 'CPU ms', 'deferred CPU ms', 'client CPU ms']
  const rows = results.map(({ title, operations, latencyMs, perSecond, cpuMs, deferredCpuMs, clientCpuMs }) => [
    `${title} (${operations})`,
    ...(latencyMs === undefined ? ['', '', ''] : [latencyMs.p50, latencyMs.p95, latencyMs.max].map(number)),
    ...[perSecond, cpuMs, deferredCpuMs, clientCpuMs].map(number),
  ])
  return table(head, rows)
}

function countsTable(results: readonly WorkloadResult[]): string {
  const rows = results.map(({ name, countedOperations, costs }) => [
    name,
    ...KINDS.map((kind) => number((costs[kind] ?? 0) / countedOperations)),
  ])
  return table(['Workload', ...KINDS], rows)
}

function extras(results: readonly WorkloadResult[]): string[] {
  return results.flatMap(({ name, extra }) => {
    const entries = Object.entries(extra).map(([what, value]) => `${what} ${number(value)}`)
    return entries.length === 0 ? [] : [`- ${name}: ${entries.join(', ')}`]
  })
}

function budgetsTable(budgets: readonly BudgetCheck[]): string {
  const rows = budgets.map(({ workload, what, limit, measured, ok }) => [
    `${workload}: ${what}`,
    number(limit),
    number(measured),
    ok ? 'ok' : 'OVER',
  ])
  return table(['Budget', 'limit', 'measured', ''], rows)
}

/** The report for people. */
export function renderMarkdown(report: Report): string {
  const { machine, fsyncMs } = report
  return [
    `# Benchmark (${report.scale})`,
    '',
    `Commit ${report.commit}, ${report.startedAt}; ${machine.cpus} × ${machine.cpu}, Node ${machine.node}, workerd ${machine.workerd}.`,
    `fsync of one page on this disk: p50 ${number(fsyncMs.p50)} ms, p95 ${number(fsyncMs.p95)} ms, max ${number(fsyncMs.max)} ms.`,
    '',
    'Times of one operation, and CPU time of workerd and of the client for each:',
    '',
    timesTable(report.results),
    '',
    `Counts for each operation, from the first request until ${report.settleMs / 1000} s after the last answer:`,
    '',
    countsTable(report.results),
    '',
    ...extras(report.results),
    '',
    budgetsTable(report.budgets),
    '',
  ].join('\n')
}
