/** One commit in so many waits for company although the ones before it had none. */
const PROBE_EVERY = 32
/** Commits without company before a room counts as quiet again. */
const QUIET_AFTER = 4
/** A commit of this many operations shows a crowd. */
const CROWD = 3

/**
 * How many turns of the event loop a commit should wait for other operations to share it. A turn costs more than a millisecond, which a lone
 * sender would pay for nothing; without it the operations of concurrent senders never meet, and each pays for a commit. So rooms wait while
 * operations do meet, look now and then whether they would, and wait twice as long for a crowd, whose requests come out of as many turns.
 */
export class CommitPacing {
  #lonely = QUIET_AFTER
  #isCrowded = false

  /** Turns that the next commit should wait: 0, 1 or 2. */
  get turns(): number {
    if (this.#isCrowded) return 2
    return this.#lonely < QUIET_AFTER || this.#lonely % PROBE_EVERY === 0 ? 1 : 0
  }

  /** A commit of this many operations was made. */
  committed(operations: number): void {
    this.#isCrowded = operations >= CROWD
    this.#lonely = operations > 1 ? 0 : this.#lonely + 1
  }
}
