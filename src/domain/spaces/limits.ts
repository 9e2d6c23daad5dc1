/** Bounds of summaries and hierarchies, in one place. Times in milliseconds. */

/** Rooms in one page of a hierarchy. */
export const MAX_HIERARCHY_PAGE = 50
/** Rooms of one hierarchy that can be reached by going from page to page. */
export const MAX_HIERARCHY_ROOMS = 1_000
/** Depth where nothing is said, and at most. */
export const MAX_HIERARCHY_DEPTH = 20
/** A question to another server about a room. */
export const HIERARCHY_TIMEOUT_MS = 10_000
/** All questions to other servers in one request of a client: what is not known by then is left out. */
export const MAX_ASKING_MS = 20_000
/** Rooms that other servers are asked about in one request of a client. */
export const MAX_ROOMS_ASKED = 50
/** Servers asked in turn about one room. */
export const MAX_SERVERS_ASKED = 3
/** Body of another server's answer. */
export const MAX_HIERARCHY_ANSWER_BYTES = 4 * 1024 * 1024
/** Children in another server's answer. */
export const MAX_REMOTE_CHILDREN = 500
/** How long another server's word about a room is kept, so that the next page need not ask again. */
export const REMOTE_SUMMARY_MS = 60_000
/** Rooms of other servers that are kept per isolate. */
export const MAX_REMOTE_SUMMARIES = 500
/** Rooms that a restricted room admits from, looked at for another server. */
export const MAX_ALLOWED_LOOKED_AT = 50
