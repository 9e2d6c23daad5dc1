import { expect, test } from 'vitest'
import { checkBudgets } from '../../../bench/budgets.ts'
import { costsBetween, parseMetrics } from '../../../bench/measure/costs.ts'
import { summarize } from '../../../bench/measure/percentiles.ts'
import type { WorkloadResult } from '../../../bench/workload-result.ts'

function result(name: string, countedOperations: number, costs: Record<string, number>): WorkloadResult {
  const times = { wallMs: 1, perSecond: 1, latencyMs: undefined, cpuMs: 0, deferredCpuMs: 0, clientCpuMs: 0 }
  return { name, title: name, operations: countedOperations, countedOperations, costs, extra: { receivers: 10 }, ...times }
}

test('a send that needs a third hop is over budget', () => {
  const checks = checkBudgets([result('send-1', 100, { rpc: 201, commit: 101, d1: 1 })])
  expect(checks.filter(({ ok }) => !ok).map(({ what }) => what)).toEqual(['RPCs of a send'])
})

test('a burst may flush every receiver and the sender once', () => {
  const over = (commit: number): number => checkBudgets([result('burst', 200, { commit })]).filter(({ ok }) => !ok).length
  expect(over(200 + 11)).toBe(0)
  expect(over(200 + 12)).toBe(1)
})

test('workloads that did not run are not compared', () => {
  expect(checkBudgets([result('memory', 1, { commit: 1_000_000 })])).toEqual([])
})

test('costs are differences of counters', () => {
  const before = parseMetrics({ costs: { rpc: 2, commit: 1 }, parkedPolls: 3 })
  const after = parseMetrics({ costs: { rpc: 5, commit: 1, d1: 4 }, parkedPolls: 0 })
  expect(before.parkedPolls).toBe(3)
  expect(costsBetween(before.costs, after.costs)).toEqual({ rpc: 3, d1: 4 })
})

test('percentiles are samples', () => {
  expect(summarize([])).toBeUndefined()
  expect(summarize([5, 1, 4, 2, 3])).toEqual({ p50: 3, p95: 5, max: 5 })
})
