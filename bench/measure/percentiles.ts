/** Times of one kind of operation, in milliseconds. */
export interface LatencyMs {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

/** Summary of a list of times; `undefined` for an empty one. */
export function summarize(samplesMs: readonly number[]): LatencyMs | undefined {
  const sorted = [...samplesMs].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return sorted.length === 0 ? undefined : { p50: at(0.5), p95: at(0.95), max: at(1) }
}
