/** Bounds of what a room answers to other servers and takes from them, in one place. */

/** Events in one answer to `backfill`. */
export const MAX_BACKFILL_EVENTS = 100
/** Events in one answer to `get_missing_events`. */
export const MAX_MISSING_EVENTS = 20
/** Events looked at for one answer about the graph. */
export const MAX_WALKED_EVENTS = 2000
/** Starting points of one question about the graph; further ones are not heeded. */
export const MAX_START_EVENTS = 20
/** Events that the asker has already, in one question about the graph; further ones are not heeded, which tells it twice at worst. */
export const MAX_EARLIEST_EVENTS = 1_000
/** Events of an auth chain; a longer one is refused (S5). */
export const MAX_AUTH_CHAIN = 200_000
/** PDUs read by ID in one call: about 4 MiB at most at usual sizes, 32 MiB at the largest. */
export const MAX_PDUS_PER_CALL = 400
/** Positions scanned in one call for what another server is to receive. */
export const MAX_SCANNED_FOR_SERVER = 1000
/** PDUs in one page of what another server is to receive. */
export const MAX_PDUS_FOR_SERVER = 50
/** Events of one chunk of an import: staged in one commit. */
export const MAX_IMPORT_CHUNK = 500
/** Events of an import in all. */
export const MAX_IMPORT_EVENTS = 400_000
/** Events of an import that are looked at in one turn of the room: about 10 ms, because whoever else uses the server waits meanwhile. */
export const IMPORT_SLICE_EVENTS = 64
/** Staged events that are looked through in one turn for what is state: a few statements for all of them. */
export const IMPORT_STATE_ROWS = 256
/** Rows of an import that are deleted in one turn. */
export const IMPORT_DELETED_ROWS = 2_000
/** How often events that an import brings in an order of their own are gone through. */
export const MAX_IMPORT_PASSES = 16
/** Members of other servers who come with a room and of whom those servers' objects are told. */
export const MAX_TOLD_MEMBERS = 5_000
/** An import that has not ended after this time is taken back. */
export const IMPORT_TIMEOUT_MS = 30 * 60_000
/** Servers told of a commit at once: each is an object that may have to be opened, and whoever else uses the server waits meanwhile. */
export const SERVERS_PARALLEL = 4
/** Servers told of members at once, which is not urgent. */
export const MEMBER_HINTS_PARALLEL = 1
/** Members above which they are left out of the answer to a join whose server can do without; an answer with fewer is quick enough. */
export const OMIT_MEMBERS_ABOVE = 200
/** Servers named in such an answer. */
export const MAX_NAMED_SERVERS = 10_000
