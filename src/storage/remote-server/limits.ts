/** Bounds of what is kept for one other server. Sizes in bytes or characters as named, times in milliseconds. */

/** EDUs that wait; beyond that the oldest messages to devices are given up. */
export const MAX_WAITING_EDUS = 20_000
/** One EDU. */
export const MAX_EDU_BYTES = 64 * 1_024
/** Characters of one stored part of a transaction's body: below the platform's 2 MB a row whatever the characters. */
export const BODY_PART_CHARS = 512 * 1_024
/** Transactions of the other server whose answers are remembered. */
export const MAX_REMEMBERED_TRANSACTIONS = 200
/** Longest answer that is remembered. */
export const MAX_REMEMBERED_ANSWER_BYTES = 256 * 1_024
/** Longest transaction ID that is remembered. */
export const MAX_TXN_ID_CHARS = 255
