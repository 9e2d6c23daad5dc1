import {
  EVENT_KEY_FETCH_BURST,
  EVENT_KEY_FETCH_PER_SECOND,
  KEY_FAILURE_MAX_MS,
  KEY_FAILURE_MS,
  KEY_FETCH_BURST,
  KEY_FETCH_PER_SECOND,
  KEY_REFETCH_MS,
  MAX_REMEMBERED_FETCHES,
} from '../limits.ts'
import { Lru } from '../lru.ts'

const MS_PER_SECOND = 1_000

/**
 * What keys are asked for: `request`: somebody, who need not be anybody, names a server as the one that signed a request; `event`: events that a
 * known server has sent, or that a room consists of, name it.
 */
export type KeyPurpose = 'request' | 'event'

/** Key requests that may be made at once, and per second in the long run. */
const RATES: Readonly<Record<KeyPurpose, { readonly burst: number; readonly perSecond: number }>> = {
  request: { burst: KEY_FETCH_BURST, perSecond: KEY_FETCH_PER_SECOND },
  event: { burst: EVENT_KEY_FETCH_BURST, perSecond: EVENT_KEY_FETCH_PER_SECOND },
}

interface Bucket {
  tokens: number
  refilledAtMs: number
}

/**
 * Whether keys may be asked for now (SECURITY F19). Anybody can name any server as the origin of a request; what that makes this server
 * do is bounded for each server named and for all of them together, apart from what joining a room of many servers needs.
 */
export class FetchBudget {
  readonly #now: () => number
  readonly #servers = new Lru<string, { readonly notBeforeMs: number; readonly failures: number }>(MAX_REMEMBERED_FETCHES)
  readonly #buckets: Readonly<Record<KeyPurpose, Bucket>>

  constructor(now: () => number) {
    this.#now = now
    const full = (purpose: KeyPurpose): Bucket => ({ tokens: RATES[purpose].burst, refilledAtMs: now() })
    this.#buckets = { request: full('request'), event: full('event') }
  }

  /** Takes one request to a server out of the budget; `false` if there is none to be had now. */
  take(serverName: string, purpose: KeyPurpose): boolean {
    const now = this.#now()
    if (now < (this.#servers.get(serverName)?.notBeforeMs ?? 0)) return false
    const bucket = this.#buckets[purpose]
    const { burst, perSecond } = RATES[purpose]
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.refilledAtMs) / MS_PER_SECOND) * perSecond)
    bucket.refilledAtMs = now
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  /** Notes how a request went: a server is not asked again at once, and less and less often while it fails. */
  note(serverName: string, succeeded: boolean): void {
    const failures = succeeded ? 0 : (this.#servers.get(serverName)?.failures ?? 0) + 1
    const pauseMs = succeeded ? KEY_REFETCH_MS : Math.min(KEY_FAILURE_MAX_MS, KEY_FAILURE_MS * 2 ** Math.min(failures - 1, 16))
    this.#servers.set(serverName, { notBeforeMs: this.#now() + pauseMs, failures })
  }
}
