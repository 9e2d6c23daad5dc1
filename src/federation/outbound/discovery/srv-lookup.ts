import type { SrvRecord, SrvResolver } from '../../../runtime/outbound-network.ts'
import { Deadline } from '../deadline.ts'
import { MAX_CACHED_SERVERS, MAX_SRV_TARGETS, SRV_CACHE_MS, SRV_ERROR_CACHE_MS, SRV_TIMEOUT_MS } from '../limits.ts'
import { Lru } from '../lru.ts'
import { OutboundError } from '../outbound-error.ts'

/** A host and port to connect to. */
export interface SrvTarget {
  readonly hostname: string
  readonly port: number
}

interface Entry {
  readonly records: readonly SrvRecord[]
  readonly expiresAtMs: number
}

/** The current service name, then the deprecated one (server-server-api#resolving-server-names, steps 3.3, 3.4, 4 and 5). */
const SERVICES = ['_matrix-fed._tcp', '_matrix._tcp'] as const

/** Service records of other servers. */
export class SrvLookup {
  readonly #resolver: SrvResolver
  readonly #now: () => number
  readonly #fraction: () => number
  readonly #entries = new Lru<string, Entry>(MAX_CACHED_SERVERS)

  /** @param fraction random numbers in [0, 1), for choosing by weight. */
  constructor(resolver: SrvResolver, now: () => number, fraction: () => number) {
    this.#resolver = resolver
    this.#now = now
    this.#fraction = fraction
  }

  /**
   * Where a host's service records lead, in the order to be tried; empty if it has none. A DNS that fails counts as having none.
   * @throws OutboundError `unreachable` if the host says that it offers no such service.
   */
  async targets(host: string): Promise<readonly SrvTarget[]> {
    for (const service of SERVICES) {
      const records = await this.#records(`${service}.${host.toLowerCase()}`)
      if (records.length === 0) continue
      if (records.every(({ target }) => target === '.' || target === ''))
        throw new OutboundError('unreachable', 'the host offers no federation')
      const usable = records.filter(({ target }) => target !== '.' && target !== '')
      return orderRecords(usable, this.#fraction)
        .slice(0, MAX_SRV_TARGETS)
        .map(({ target, port }) => ({ hostname: target.replace(/\.$/, ''), port }))
    }
    return []
  }

  async #records(name: string): Promise<readonly SrvRecord[]> {
    const entry = this.#entries.get(name)
    if (entry !== undefined && this.#now() < entry.expiresAtMs) return entry.records
    const deadline = new Deadline(SRV_TIMEOUT_MS)
    try {
      const records = await deadline.limit(this.#resolver.resolveSrv(name, deadline.signal))
      this.#entries.set(name, { records, expiresAtMs: this.#now() + SRV_CACHE_MS })
      return records
    } catch (cause) {
      if (!(cause instanceof OutboundError)) throw cause
      this.#entries.set(name, { records: [], expiresAtMs: this.#now() + SRV_ERROR_CACHE_MS })
      return []
    } finally {
      deadline.clear()
    }
  }
}

/** Records by priority, and at random by weight among those of one priority (RFC 2782). */
export function orderRecords(records: readonly SrvRecord[], fraction: () => number): SrvRecord[] {
  const ordered: SrvRecord[] = []
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b)
  for (const priority of priorities) {
    const left = records.filter((record) => record.priority === priority)
    while (left.length > 0) {
      // Records of weight 0 keep a small chance.
      const total = left.reduce((sum, { weight }) => sum + Math.max(weight, 0.01), 0)
      let point = fraction() * total
      const found = left.findIndex(({ weight }) => {
        point -= Math.max(weight, 0.01)
        return point < 0
      })
      ordered.push(...left.splice(Math.max(found, 0), 1))
    }
  }
  return ordered
}
