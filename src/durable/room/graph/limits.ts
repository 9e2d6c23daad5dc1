/** Bounds of what a room takes from other servers to complete its graph, in one place. Times in milliseconds. */

/** Staged events that are looked at: for one plan of what is missing, and for what can be taken in after a call. */
export const MAX_STAGED_LOOKED_AT = 1000
/** How often an event waits for a resolution, while others move the room on, before others wait for it. */
export const MAX_RESOLUTION_WAITS = 3
/** How long they do at most. */
export const MAX_HELD_UP_MS = 60_000
/** Staged events named in one plan. */
export const MAX_ROOTS = 20
/** Servers named as candidates to be asked. */
export const MAX_CANDIDATES = 10
/** Events in one call that keeps outliers. */
export const MAX_OUTLIERS_PER_CALL = 500
/** IDs in one question for what is not here. */
export const MAX_IDS_PER_QUESTION = 20_000
/** Events of a state that another server tells. */
export const MAX_CLAIMED_STATE = 250_000
/** Events in one batch of history. */
export const MAX_BACKFILLED_BATCH = 200
/** Events of one batch of history whose state before has to be told. */
export const MAX_STATES_PER_BATCH = 20
/** One part of a gap in so many is left between two events of history: some hundred thousand fit into the narrowest. */
export const GAP_PARTS = 2 ** 18
/** A gap that could not be filled is left alone for this long, doubled with each failure up to the maximum. */
export const GAP_RETRY_MS = 5_000
/** The longest that it is left alone. */
export const GAP_RETRY_MAX_MS = 24 * 60 * 60_000
/** When PDUs of a room that is being joined may come again. */
export const JOINING_RETRY_MS = 2_000
