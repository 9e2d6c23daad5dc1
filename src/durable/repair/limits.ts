/** Bounds of how often missing events are looked for, in one place. Times in milliseconds. */

/** The pause after the first failure; doubled with each that follows. */
export const ATTACH_RETRY_MS = 5_000
/** The longest pause. */
export const ATTACH_RETRY_MAX_MS = 60 * 60_000
/** News of something missing ends a pause that has lasted this long: another server may help. */
export const ATTACH_WAKE_PAUSE_MS = 2_000
/** Failures after which what cannot be completed is given up: about a day. */
export const MAX_ATTACH_FAILURES = 32
/** A join that was cut off is taken up again after this. */
export const JOIN_RESUME_MS = 10_000
/** Completing a room that was cut off is taken up again after this. */
export const COMPLETION_RESUME_MS = 2_000
/** Joins of one room that wait for one another. */
export const MAX_WAITING_JOINS = 1_000
/** How often a join is taken up again. */
export const MAX_JOIN_RESUMPTIONS = 5
/** When the alarm looks again after a flight that it has started, should that have been cut off. */
export const FLIGHT_WATCH_MS = 10 * 60_000
/** Servers for which it is remembered when fetching for them failed; beyond that all are forgotten, and may be tried at once. */
export const MAX_REMEMBERED_ORIGINS = 1_000
