/** Bounds of what a room object keeps and answers, in one place. */

/** Positions between live events in pagination order: room for backfilled batches in every gap (docs/design/room.md). */
export const ORD_STEP = 2 ** 20
/** Positions reserved per commit for receipts and typing that are numbered in memory. */
export const POSITION_BLOCK = 1024
/** Pairs in one chunk of a state layer: 16 KiB. */
export const STATE_CHUNK_PAIRS = 2048
/** Decoded state chunks kept in memory per room. */
export const MAX_CACHED_CHUNK_BYTES = 512 * 1024
/** Stored events kept in memory per room. */
export const MAX_CACHED_EVENT_BYTES = 512 * 1024
/** Numbered state keys kept in memory per room. */
export const MAX_CACHED_STATE_KEYS = 4096
/** Latest events whose order is kept in memory per room, at least. */
export const MAX_LATEST_EVENTS = 64
/** Largest current state that is kept in memory as a whole. */
export const MAX_WHOLE_STATE_KEYS = 512
/** Memberships kept in memory per room. */
export const MAX_CACHED_MEMBERS = 256
/** Event numbers in one IN (…) list. */
export const MAX_BOUND_PARAMETERS = 100
/** Extremities that a local event may name in `prev_events`. */
export const MAX_PREV_EVENTS = 20
/** Local operations that share one commit. */
export const MAX_BATCH = 64
/** Local operations waiting for a commit; more are refused with 429. */
export const MAX_QUEUED_OPERATIONS = 2048
/** Events in one page of `/messages` or one timeline. */
export const MAX_PAGE_EVENTS = 1000
/** Events that one read may scan while visibility or a filter hides them. */
export const MAX_SCANNED_EVENTS = 5000
/** Receipts in one `m.receipt` event: the newest. */
export const MAX_RECEIPTS_SHOWN = 1000
/** Receipts of threads kept per user: the newest. */
export const MAX_THREAD_RECEIPTS_PER_USER = 500
/** Typing users shown at once. */
export const MAX_TYPING_USERS = 200
/** Parents of whom it is remembered whether anything relates to them, per room. */
export const MAX_CACHED_RELATION_BYTES = 128 * 1024
/** How far indirect relations are followed: children, their children, and the children of those. */
export const RELATION_DEPTH = 3
/** Direct and indirect relations that one read looks at. */
export const MAX_RECURSED_RELATIONS = 20_000
