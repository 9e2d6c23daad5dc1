/** Cases of a nightly run (`MYELIN_NIGHTLY=on npm test -- unit`). */
const NIGHTLY_RUNS = 100_000

/** How many cases a property is tried on: a bounded number in `npm test`, at least 100,000 in the nightly mode. */
export function propertyRuns(ordinary: number): number {
  return process.env.MYELIN_NIGHTLY === 'on' ? Math.max(NIGHTLY_RUNS, ordinary) : ordinary
}

/** Time for that many cases. */
export const PROPERTY_TIMEOUT_MS = process.env.MYELIN_NIGHTLY === 'on' ? 1_800_000 : 60_000
