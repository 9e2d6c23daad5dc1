/** Milliseconds since the epoch. The only place that reads the ambient clock. */
export function nowMs(): number {
  return Date.now()
}
