/** Bounds of what is kept for one other server. Sizes in bytes or characters as named, times in milliseconds. */

/** EDUs that wait; beyond that the oldest messages to devices are given up. */
export const MAX_WAITING_EDUS = 20_000
/** One EDU. */
export const MAX_EDU_BYTES = 80 * 1_024
/** Characters of one stored part of a transaction's body: below the platform's 2 MB a row whatever the characters. */
export const BODY_PART_CHARS = 512 * 1_024
/** Transactions of the other server whose answers are remembered. */
export const MAX_REMEMBERED_TRANSACTIONS = 200
/** Longest answer that is remembered. */
export const MAX_REMEMBERED_ANSWER_BYTES = 256 * 1_024
/** Longest transaction ID that is remembered. */
export const MAX_TXN_ID_CHARS = 255
/** Messages to devices that are remembered by their IDs. */
export const MAX_REMEMBERED_MESSAGES = 20_000
/** Users of the other server whose devices are kept. */
export const MAX_TRACKED_USERS = 50_000
/** Devices of one of them. */
export const MAX_TRACKED_DEVICES = 1_000
/** Characters of their keys. */
export const MAX_TRACKED_CHARS = 2 * 1_024 * 1_024
/** Pairs of a user of the other server and a room. */
export const MAX_MEMBER_ROOMS = 200_000
