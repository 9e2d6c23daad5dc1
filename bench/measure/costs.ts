/** Counters of the server by kind, since its start. */
export type Costs = Readonly<Record<string, number>>

/** What the metrics route of the server answers. */
export interface ServerMetrics {
  readonly costs: Costs
  /** Polls that wait right now. */
  readonly parkedPolls: number
}

/** Reads the answer of `GET /_myelin/control/metrics`. */
export function parseMetrics(answer: unknown): ServerMetrics {
  if (typeof answer !== 'object' || answer === null || !('costs' in answer)) throw new Error('the metrics route answered something else')
  const { costs } = answer
  if (typeof costs !== 'object' || costs === null) throw new Error('the metrics route has no costs')
  const numbers = Object.entries(costs).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  const parkedPolls = 'parkedPolls' in answer && typeof answer.parkedPolls === 'number' ? answer.parkedPolls : 0
  return { costs: Object.fromEntries(numbers), parkedPolls }
}

/** What was spent between two readings; kinds that cost nothing are left out. */
export function costsBetween(before: Costs, after: Costs): Costs {
  const spent = Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const)
  return Object.fromEntries(spent.filter(([, count]) => count !== 0))
}
