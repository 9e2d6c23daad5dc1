/** Whether this is a nightly run (`MYELIN_NIGHTLY=on npm test -- unit`). */
const NIGHTLY = process.env.MYELIN_NIGHTLY === 'on'
/** Cases of a property in a nightly run. */
const NIGHTLY_RUNS = 100_000

/**
 * How many cases a property is tried on: a bounded number in `npm test`, at least 100,000 in a nightly run.
 * @param share how many tests share those, such as one for each room version; or how much one case costs.
 */
export function propertyRuns(ordinary: number, share = 1): number {
  return NIGHTLY ? Math.max(Math.ceil(NIGHTLY_RUNS / share), ordinary) : ordinary
}

/** Time for that many cases. */
export const PROPERTY_TIMEOUT_MS = NIGHTLY ? 1_800_000 : 300_000
