import { isServerName } from '../../../matrix/ids/server-name.ts'
import { isJsonObject } from '../../../matrix/json.ts'
import { parseStrictJson } from '../../../matrix/strict-json.ts'
import { type Guard, guardedFetch } from '../guarded-fetch.ts'
import { MAX_CACHED_SERVERS, WELL_KNOWN_MAX_BYTES, WELL_KNOWN_MAX_MS, WELL_KNOWN_MAX_REDIRECTS, WELL_KNOWN_TIMEOUT_MS } from '../limits.ts'
import { Lru } from '../lru.ts'
import { OutboundError } from '../outbound-error.ts'
import { SingleFlight } from '../single-flight.ts'
import { delegationLifetimeMs, failureLifetimeMs } from './cache-lifetime.ts'

/** What is known of one host's delegation. Times in milliseconds since the epoch. */
interface Entry {
  /** Delegated server name, if there is one. */
  readonly server: string | undefined
  readonly expiresAtMs: number
  readonly failures: number
  /** When a delegation was last read; it outlives failures to read it again, within the longest lifetime. */
  readonly readAtMs: number
}

/** `/.well-known/matrix/server` of other hosts (server-server-api#getwell-knownmatrixserver), remembered as the specification asks. */
export class WellKnownLookup {
  readonly #guard: Guard
  readonly #now: () => number
  readonly #entries = new Lru<string, Entry>(MAX_CACHED_SERVERS)
  readonly #flights = new SingleFlight<string | undefined>()

  constructor(guard: Guard, now: () => number) {
    this.#guard = guard
    this.#now = now
  }

  /** The server that a host delegates to, or `undefined` if there is no valid delegation. Never throws. */
  async delegation(host: string): Promise<string | undefined> {
    const key = host.toLowerCase()
    const entry = this.#entries.get(key)
    if (entry !== undefined && this.#now() < entry.expiresAtMs) return entry.server
    return await this.#flights.do(key, () => this.#refresh(key, entry))
  }

  async #refresh(host: string, before: Entry | undefined): Promise<string | undefined> {
    const entry = await this.#read(host).catch((cause: unknown) => {
      if (!(cause instanceof OutboundError)) throw cause
      return this.#afterFailure(before, cause.failure === 'unreachable' || cause.failure === 'timeout')
    })
    this.#entries.set(host, entry)
    return entry.server
  }

  async #read(host: string): Promise<Entry> {
    const response = await guardedFetch(this.#guard, {
      url: `https://${host}/.well-known/matrix/server`,
      timeoutMs: WELL_KNOWN_TIMEOUT_MS,
      maxBytes: WELL_KNOWN_MAX_BYTES,
      maxRedirects: WELL_KNOWN_MAX_REDIRECTS,
    })
    if (response.status !== 200) {
      response.body.cancel()
      const passing = response.status >= 500 || response.status === 429
      throw new OutboundError(passing ? 'unreachable' : 'invalid', `status ${response.status}`)
    }
    const server = parseDelegation(await response.body.text())
    if (server === undefined) throw new OutboundError('invalid', 'not a delegation')
    const now = this.#now()
    return { server, expiresAtMs: now + delegationLifetimeMs(response.headers, now), failures: 0, readAtMs: now }
  }

  /** A server that is merely away has not taken its delegation back. */
  #afterFailure(before: Entry | undefined, passing: boolean): Entry {
    const now = this.#now()
    const failures = (before?.failures ?? 0) + 1
    const keeps = passing && before !== undefined && before.server !== undefined && now - before.readAtMs < WELL_KNOWN_MAX_MS
    return {
      server: keeps ? before.server : undefined,
      expiresAtMs: now + failureLifetimeMs(failures),
      failures,
      readAtMs: before?.readAtMs ?? 0,
    }
  }
}

/** `m.server` of a delegation document; `undefined` for anything but a server name. Lenient about everything else in it. */
export function parseDelegation(text: string): string | undefined {
  const parsed = parseStrictJson(text, { numbers: 'any' })
  const server = parsed.ok && isJsonObject(parsed.value) ? parsed.value['m.server'] : undefined
  return typeof server === 'string' && isServerName(server) ? server : undefined
}
