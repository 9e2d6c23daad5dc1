/** Bounds of sending to one other server, in one place. Times in milliseconds. */

/** PDUs of one transaction (server-server-api#transactions). */
export const MAX_PDUS = 50
/** EDUs of one transaction. */
export const MAX_EDUS = 100
/** Characters of all EDUs of one transaction. */
export const MAX_EDU_CHARS = 1_024 * 1_024
/** Rooms asked for one transaction. */
export const MAX_ROOMS_PER_TRANSACTION = 50
/** Pages of one room in a row that hold nothing for the server. */
export const MAX_EMPTY_PAGES = 20
/** Transactions sent in one go; the alarm goes on from there. */
export const MAX_TRANSACTIONS_PER_RUN = 100
/** How long to wait for the answer to a transaction. */
export const SEND_TIMEOUT_MS = 60_000
/** Size of the answer to a transaction. */
export const SEND_MAX_ANSWER_BYTES = 256 * 1_024

/** First pause after a failure, doubled with each one that follows; a quarter of it is left to chance. */
export const FIRST_RETRY_MS = 5_000
/** The longest pause. */
export const LONGEST_RETRY_MS = 24 * 60 * 60 * 1_000
/** Contact from a server that was given up wakes it at most this often. */
export const WAKE_PAUSE_MS = 60_000
/** When the alarm looks whether something was left undone; the first attempt does not wait for it. */
export const SAFETY_MS = 30_000
/** A room that could not be asked is asked again after this long. */
export const ROOM_RETRY_MS = 30_000
/** After an outage of this long a room's backlog is not sent event by event, but only its end; the server fetches what it wants of the rest. */
export const CATCH_UP_AFTER_MS = 60 * 60 * 1_000
/** Events of a room that are sent then, at most. */
export const CATCH_UP_PDUS = 20
/** EDUs in memory: typing, presence. The oldest go first. */
export const MAX_FLEETING_EDUS = 500
/** A transaction of the other server that is being processed may be taken up again after this long. */
export const PROCESSING_LEASE_MS = 120_000
