/** Longest delay; clients read it from the capabilities. */
export const MAX_DELAY_MS = 24 * 60 * 60_000
/** Delayed events of one user that are scheduled at once; clients read it from the capabilities. */
export const MAX_SCHEDULED = 100
/** Longest content, in characters of JSON: what is longer fits into no event (client-server-api#size-limits). */
export const MAX_DELAYED_CONTENT_CHARS = 65_536
/** How long it is remembered what became of a delayed event. */
export const KEEP_FINALISED_MS = 7 * 24 * 60 * 60_000
/** Of how many that is remembered at most. */
export const KEEP_FINALISED = 200
/** A room that cannot be reached is tried again until its event is this late. */
export const GIVE_UP_AFTER_MS = 60 * 60_000
/** Between two such attempts. */
export const RETRY_MS = 30_000
