/** What a request may cost, counted since the isolate started and per request ID (budgets: docs/design/budgets.md). */
export type CostKind = 'rpc' | 'commit' | 'd1' | 'kv' | 'r2' | 'fetch' | 'park' | 'hint' | 'letter' | 'settle' | 'construct'
/** Costs by kind; absent kinds cost nothing. */
export type Costs = Partial<Record<CostKind, number>>

/** Requests remembered individually; older ones only remain in the totals. */
const MAX_REMEMBERED_REQUESTS = 256

const totals: Record<string, number> = {}
const byRequest = new Map<string, Costs>()
let rowsWritten = 0

/** Counts `amount` of a kind, for the isolate and, where known, for the request that caused it. */
export function countCost(kind: CostKind, requestId?: string, amount = 1): void {
  totals[kind] = (totals[kind] ?? 0) + amount
  if (requestId === undefined) return
  let costs = byRequest.get(requestId)
  if (costs === undefined) {
    if (byRequest.size >= MAX_REMEMBERED_REQUESTS) {
      const oldest = byRequest.keys().next()
      if (!oldest.done) byRequest.delete(oldest.value)
    }
    costs = {}
    byRequest.set(requestId, costs)
  }
  costs[kind] = (costs[kind] ?? 0) + amount
}

/** Counts rows written to object storage, as SQLite reports them (index entries included). */
export function countRowsWritten(rows: number): void {
  rowsWritten += rows
}

/** Totals since the isolate started. */
export function costTotals(): Costs & { readonly rowsWritten: number } {
  return { ...totals, rowsWritten }
}

/** What one of the latest requests has cost so far. */
export function costsOfRequest(requestId: string): Costs | undefined {
  return byRequest.get(requestId)
}
