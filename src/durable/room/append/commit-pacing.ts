/** One commit in so many waits for company although the ones before it had none. */
const PROBE_EVERY = 32
/** Commits without company before a room counts as quiet again. */
const QUIET_AFTER = 4

/**
 * Whether a commit should wait for other operations to share it. Waiting a turn of the event loop costs more than a millisecond, which a lone
 * sender would pay for nothing; without it the operations of concurrent senders never meet, and each pays for a commit. So rooms wait while
 * operations do meet, and look now and then whether they would.
 */
export class CommitPacing {
  #lonely = QUIET_AFTER

  /** Whether the next commit should wait a turn. */
  get shouldWait(): boolean {
    return this.#lonely < QUIET_AFTER || this.#lonely % PROBE_EVERY === 0
  }

  /** A commit of this many operations was made. */
  committed(operations: number): void {
    this.#lonely = operations > 1 ? 0 : this.#lonely + 1
  }
}
