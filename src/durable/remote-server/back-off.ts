import { FIRST_RETRY_MS, LONGEST_RETRY_MS } from './limits.ts'

/** Part of a pause that is left to chance, so that servers which failed together do not return together. */
const JITTER = 0.25

/**
 * How long to leave a server alone after so many failures in a row (from 1), in milliseconds.
 * @param fraction a random number in [0, 1).
 */
export function pauseMs(failures: number, fraction: number): number {
  const full = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20))
  return Math.round(full * (1 - JITTER * fraction))
}
