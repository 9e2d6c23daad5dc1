/** Bounds of what one user uploads, in one place. Times in milliseconds. */

/** IDs that wait for their file (client-server-api#post_matrixmediav1create). */
export const MAX_PENDING_UPLOADS = 50
/** How long they wait. */
export const PENDING_UPLOAD_MS = 24 * 60 * 60 * 1_000
/** Files that a user uploads at once. */
export const MAX_UPLOADS_AT_ONCE = 16
/** An upload takes no longer than this; what it left behind is removed then. */
export const UPLOAD_MS = 60 * 60 * 1_000
/** When somebody who has too many uploads under way should try again. */
export const UPLOAD_RETRY_MS = 5_000
/** Files of a user who has gone that are removed in one go. */
export const ERASED_PER_RUN = 50
