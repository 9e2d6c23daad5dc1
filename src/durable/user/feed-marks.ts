import type { ObjectStore } from '../../storage/object-store.ts'
import { readFlushedSeq } from '../../storage/user/boots.ts'

/** A place in the feed as a token names it. */
export interface FeedMark {
  readonly boot: string
  readonly seq: number
  /** Highest sequence number that was durable when the token was issued. */
  readonly durable: number
}

/** What a token's mark means to this life of the object. */
export interface FeedPosition {
  readonly seq: number
  /** The life that issued the token ended before it wrote all that the token covers: rooms should be asked before planning. */
  readonly tailLost: boolean
}

/** What a mark means to the life of the object that `now` describes (docs/design/feed.md, "Tokens"). */
export function resolveMark(
  store: ObjectStore,
  now: { readonly boot: string; readonly seq: number; readonly flushedSeq: number },
  { boot, seq, durable }: FeedMark,
): FeedPosition {
  if (boot === now.boot) return { seq: Math.min(seq, now.seq), tailLost: false }
  // The database is older than the token, e.g. restored from a backup: its numbers mean nothing here.
  const isAhead = durable > now.flushedSeq
  if (seq <= durable && !isAhead) return { seq, tailLost: false }
  const flushed = readFlushedSeq(store, boot)
  if (flushed !== undefined && seq <= flushed) return { seq, tailLost: false }
  if (flushed === undefined && isAhead) return { seq: 0, tailLost: true }
  return { seq: Math.min(durable, flushed ?? durable), tailLost: true }
}
