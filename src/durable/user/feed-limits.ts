/** Entries that a feed keeps; rooms whose older entries a client would need count as new to it. */
const MAX_FEED_ENTRIES = 10_000
/** Entries above {@link MAX_FEED_ENTRIES} before pruning starts, so that it happens once in a while and not at each flush. */
const PRUNE_SLACK = 500
/** Entries in memory that make a flush urgent. */
export const MAX_UNFLUSHED_ENTRIES = 1_000
/** Lives of the object whose last flush is remembered. */
const MAX_BOOTS = 64

/** The bounds of a feed; tests make them small. */
export interface FeedLimits {
  readonly maxEntries: number
  readonly pruneSlack: number
  readonly maxBoots: number
}

/** The bounds in production. */
export const FEED_LIMITS: FeedLimits = { maxEntries: MAX_FEED_ENTRIES, pruneSlack: PRUNE_SLACK, maxBoots: MAX_BOOTS }
