/** Bounds of files, in one place; sizes of files are settings (`runtime/media-config.ts`). Times in milliseconds. */

/** Characters of the IDs that this server gives files: 142 bits. */
export const MEDIA_ID_LENGTH = 24
/** Characters of the names of bytes. */
export const BLOB_LENGTH = 32
/** The longest that a request waits for a file that has not been uploaded. */
export const MAX_WAIT_MS = 30_000
/** Pauses between looks whether it is there: doubled, up to the longest. */
export const FIRST_PAUSE_MS = 100
/** The longest of them. */
export const LONGEST_PAUSE_MS = 1_000
/** That a file was used is noted this often. */
export const TOUCH_MS = 24 * 60 * 60 * 1_000
/** Nobody waits longer than this for somebody else's fetch of the same file. */
export const FETCH_LEASE_MS = 180_000
/** Files that other servers are asked for on behalf of one user, or one address. */
export const FETCH_LIMIT = { burst: 300, perSecond: 5 } as const
/** For so long a file that could not be fetched is not asked for again. */
export const FAILURE_MS = 60_000
/** Failures remembered per isolate. */
export const MAX_FAILURES = 2_000
/** Copies removed in one step of a sweep. */
export const SWEEP_PAGE = 100
/** Steps of a sweep; the next one goes on. */
export const MAX_SWEEP_PAGES = 100
/** Largest file that a thumbnail is made of, in bytes: it is whole in memory while that lasts. */
export const MAX_SOURCE_BYTES = 16 * 1_024 * 1_024
/** Largest file that is its own thumbnail, in bytes. */
export const MAX_ORIGINAL_BYTES = 8 * 1_024 * 1_024
/** Bytes that say what an image is: what cameras write comes before its size. */
export const IMAGE_HEAD_BYTES = 256 * 1_024
/** Thumbnails that one isolate makes at once: each needs its memory, and all the same processor. */
export const MAX_THUMBNAILS_AT_ONCE = 1
/** Whoever gets no turn within this time tries again later. */
export const THUMBNAIL_TURN_MS = 20_000
/** Pauses between looks whether it is one's turn. */
export const THUMBNAIL_PAUSE_MS = 20
/** Making one takes no longer than this. */
export const THUMBNAIL_LEASE_MS = 30_000
