/** Bounds of URL previews, in one place (SECURITY M7). Times in milliseconds. */

/** One page or image, redirects included. */
export const PREVIEW_TIMEOUT_MS = 10_000
/** Redirects followed. */
export const PREVIEW_REDIRECTS = 5
/** How much of a page is read: what it says of itself comes first. */
export const PAGE_BYTES = 1_024 * 1_024
/** Largest image that a preview shows. */
export const PREVIEW_IMAGE_BYTES = 8 * 1_024 * 1_024
/** Longest URL. */
export const MAX_URL_CHARS = 2_048
/** Properties of one page, and characters of one. */
export const MAX_PROPERTIES = 40
/** Characters of one property; the rest is cut off. */
export const MAX_PROPERTY_CHARS = 1_000
/** How long a preview is kept, in seconds. */
export const PREVIEW_LIFETIME_SECONDS = 3_600
/** Pages that one isolate reads at once. */
export const MAX_PREVIEWS_AT_ONCE = 16
/** Reading one takes no longer than this, its image included. */
export const PREVIEW_LEASE_MS = 2 * 60 * 1_000
/** When somebody who comes at a bad moment should try again. */
export const PREVIEW_RETRY_MS = 2_000
