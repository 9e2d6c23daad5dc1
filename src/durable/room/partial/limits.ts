/** Bounds of completing a room that was joined without its members, in one place. Times in milliseconds. */

/** How long a request waits for a state to be whole. */
export const WHOLE_WAIT_MS = 300_000
/** Requests that wait for it. */
export const MAX_WHOLE_WAITS = 1_000
/**
 * Servers that are said to be in a room, while its members are not known: nobody has signed for it. Others get what is sent meanwhile by way of what builds
 * on it.
 */
export const MAX_RESIDENT_SERVERS = 1_000
/** When the alarm has the state fetched, should a crash have come between. */
export const PARTIAL_RETRY_MS = 20_000
/** When it looks again after that: the object that fetches has an alarm of its own. */
export const PARTIAL_WATCH_MS = 10 * 60_000
/** Entries of a state that are written as of the join in one turn: some milliseconds. */
export const FILL_SLICE_ENTRIES = 256
/** Events that get their states anew in one turn. */
export const REMAKE_SLICE_EVENTS = 32
/** Events on incomplete states looked at in one turn for those that can be made anew. */
export const MAX_REMAKE_LOOKED_AT = 1_000
/** Members of this server who are told that the state has become whole. */
export const MAX_TOLD_COMPLETED = 200
