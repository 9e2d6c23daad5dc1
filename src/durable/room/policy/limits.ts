/** Bounds of asking policy servers, in one place. Times in milliseconds. */

/** One question. Policy servers may look at media first. */
export const POLICY_TIMEOUT_MS = 20_000
/** Its answer: one signature. */
export const POLICY_MAX_ANSWER_BYTES = 64 * 1024
/** Received events of one call about which it is asked at once. */
export const POLICY_PARALLEL = 8
/** Questions of one room that are under way; more are not asked, and count as not answered. */
export const MAX_POLICY_QUESTIONS = 500
/** How often one local event is asked about anew, because the room's policy server or the event became another one meanwhile. */
export const MAX_POLICY_ROUNDS = 3
