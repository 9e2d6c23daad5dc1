import { KEY_FAILURE_MAX_MS, KEY_FAILURE_MS, KEY_FETCH_BURST, KEY_FETCH_PER_SECOND, KEY_REFETCH_MS, MAX_CACHED_SERVERS } from '../limits.ts'
import { Lru } from '../lru.ts'

const MS_PER_SECOND = 1_000

/**
 * Whether keys may be asked for now (SECURITY F19). Anybody can name any server as the origin of a request; what that makes this server
 * do is bounded for each server named and for all of them together.
 */
export class FetchBudget {
  readonly #now: () => number
  readonly #servers = new Lru<string, { readonly notBeforeMs: number; readonly failures: number }>(MAX_CACHED_SERVERS)
  #tokens = KEY_FETCH_BURST
  #refilledAtMs: number

  constructor(now: () => number) {
    this.#now = now
    this.#refilledAtMs = now()
  }

  /** Takes one request to a server out of the budget; `false` if there is none to be had now. */
  take(serverName: string): boolean {
    const now = this.#now()
    if (now < (this.#servers.get(serverName)?.notBeforeMs ?? 0)) return false
    this.#tokens = Math.min(KEY_FETCH_BURST, this.#tokens + (Math.max(0, now - this.#refilledAtMs) / MS_PER_SECOND) * KEY_FETCH_PER_SECOND)
    this.#refilledAtMs = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** Notes how a request went: a server is not asked again at once, and less and less often while it fails. */
  note(serverName: string, succeeded: boolean): void {
    const failures = succeeded ? 0 : (this.#servers.get(serverName)?.failures ?? 0) + 1
    const pauseMs = succeeded ? KEY_REFETCH_MS : Math.min(KEY_FAILURE_MAX_MS, KEY_FAILURE_MS * 2 ** Math.min(failures - 1, 16))
    this.#servers.set(serverName, { notBeforeMs: this.#now() + pauseMs, failures })
  }
}
