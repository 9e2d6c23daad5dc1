/** Bounds of what is done about the devices of one other server's users, in one place. Times in milliseconds. */

/** Users asked for in one request to the other server. */
export const USERS_PER_QUERY = 100
/** Requests for keys at once. */
export const PARALLEL_QUERIES = 4
/** Size of an answer with keys. */
export const MAX_KEYS_ANSWER_BYTES = 16 * 1_024 * 1_024
/** Characters of keys in one answer to a local user; lists beyond count as not to be had. One more list is always allowed. */
export const MAX_ANSWER_CHARS = 16 * 1_024 * 1_024
/** How long to wait for the list of one user's devices that is fetched because of changes. */
export const RESYNC_TIMEOUT_MS = 30_000
/** Pause between two fetches of a user's list because of changes, doubled with each one that follows. */
export const FIRST_RESYNC_PAUSE_MS = 5_000
/** The longest such pause; after this long without changes the pauses begin anew. */
export const LONGEST_RESYNC_PAUSE_MS = 60 * 60 * 1_000
/** Attempts in a row after which a list is fetched only when somebody asks for it. */
export const MAX_RESYNCS = 12
/** Lists fetched because of changes in one go. */
export const RESYNCS_PER_RUN = 50
/** Times that local users are told of changes of one user within {@link TELLING_PERIOD_MS}; more changes are told together after it. */
export const TELLINGS_PER_USER = 20
/** The same for all users together. */
export const TELLINGS_PER_SERVER = 1_000
/** The period that these count in. */
export const TELLING_PERIOD_MS = 60_000
/** Users told of in one go after that. */
export const UNTOLD_PER_RUN = 1_000
/** Rooms of one user that are asked who shares them. */
export const ROOMS_PER_USER = 50
/** Rooms asked for one transaction of the other server. */
export const ROOMS_PER_TRANSACTION = 500
/** Users remembered in memory for the sake of such limits. */
export const MAX_REMEMBERED_USERS = 10_000
/** Users forgotten at once where too many are tracked. */
export const FORGET_AT_ONCE = 1_000
