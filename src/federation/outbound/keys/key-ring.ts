import { decodeBase64, encodeBase64 } from '../../../matrix/base64.ts'
import type { KeyLookup, KnownKey } from '../../../matrix/events/event-signatures.ts'
import { isServerName } from '../../../matrix/ids/server-name.ts'
import { log } from '../../../runtime/log.ts'
import type { Registry } from '../../../storage/d1/open.ts'
import { loadServerKeys, type ServerKeyRow, storeServerKeys } from '../../../storage/d1/server-keys.ts'
import type { FederationClient } from '../client.ts'
import { KEY_FETCH_PARALLEL, KEY_RELOAD_MS, MAX_CACHED_SERVERS, MAX_SERVERS_PER_KEY_QUERY } from '../limits.ts'
import { Lru } from '../lru.ts'
import { OutboundError } from '../outbound-error.ts'
import { SingleFlight } from '../single-flight.ts'
import { FetchBudget } from './fetch-budget.ts'
import { type FetchedKeys, fetchDirect, fetchFromNotary } from './key-fetch.ts'

/** A key that is asked for. */
export interface KeyQuestion {
  readonly serverName: string
  readonly keyId: string
  /** Until when the key must be valid, in milliseconds since the epoch: for events, when they were sent. */
  readonly minimumValidUntilTs: number
}

/** What a key ring works with, besides the registry of each call. */
export interface KeyRingOptions {
  readonly client: FederationClient
  readonly now: () => number
  /** Servers that are believed about other servers' keys, first one first. */
  readonly notaries: readonly string[]
  /** Public keys (unpadded Base64) that are known to have leaked: neither requests nor events signed by them count (SECURITY F7). */
  readonly deniedKeys: ReadonlySet<string>
  readonly own: { readonly serverName: string; readonly keys: readonly ServerKeyRow[] }
}

type ServerKeys = ReadonlyMap<string, ServerKeyRow>

/** Signing keys of other servers: from this isolate's memory, from the registry, from the servers, from notaries. One per isolate. */
export class KeyRing {
  readonly #options: KeyRingOptions
  readonly #known = new Lru<string, ServerKeys>(MAX_CACHED_SERVERS)
  readonly #flights = new SingleFlight<void>()
  readonly #budget: FetchBudget
  /** When the registry was last asked about a server, in milliseconds since the epoch. */
  readonly #loadedAt = new Lru<string, number>(MAX_CACHED_SERVERS)

  constructor(options: KeyRingOptions) {
    this.#options = options
    this.#budget = new FetchBudget(options.now)
  }

  /**
   * The key (32 bytes) by which a server signs requests now; `undefined` if it has no such key, only a retired one, or cannot be asked.
   */
  async requestKey(registry: Registry, serverName: string, keyId: string): Promise<Uint8Array | undefined> {
    const usable = (): ServerKeyRow | undefined => {
      const row = this.#find(serverName, keyId)
      return row !== undefined && !row.retired && row.validUntilTs >= this.#options.now() ? row : undefined
    }
    if (usable() === undefined) await this.#learn(registry, [{ serverName, keyId, minimumValidUntilTs: this.#options.now() }])
    const row = usable()
    return row === undefined ? undefined : decodeBase64(row.publicKey)
  }

  /** Makes every key known that can be had, asking each server at most once, and answers by which to look them up. */
  async eventKeys(registry: Registry, questions: readonly KeyQuestion[]): Promise<KeyLookup> {
    await this.#learn(registry, questions)
    return (serverName, keyId) => knownKey(this.#find(serverName, keyId))
  }

  /** The current keys of a server (32 bytes each) by their IDs. */
  async currentKeys(registry: Registry, serverName: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const now = this.#options.now()
    const current = (): ServerKeyRow[] =>
      [...(this.#known.get(serverName)?.values() ?? [])].filter((row) => !row.retired && row.validUntilTs >= now)
    if (current().length === 0) await this.#learn(registry, [{ serverName, keyId: '', minimumValidUntilTs: now }])
    return new Map(current().flatMap((row) => [[row.keyId, decodeBase64(row.publicKey) ?? new Uint8Array(0)] as const]))
  }

  /** Asks a server anew unless it was asked a moment ago, or the budget is used up; for notaries. */
  async refresh(registry: Registry, serverName: string): Promise<void> {
    await this.#fetch(registry, serverName, this.#options.now())
  }

  #find(serverName: string, keyId: string): ServerKeyRow | undefined {
    const { own, deniedKeys } = this.#options
    const row = serverName === own.serverName ? own.keys.find((key) => key.keyId === keyId) : this.#known.get(serverName)?.get(keyId)
    return row === undefined || deniedKeys.has(row.publicKey) ? undefined : row
  }

  #lacks({ serverName, keyId, minimumValidUntilTs }: KeyQuestion): boolean {
    const row = this.#find(serverName, keyId)
    // A retired key has ended for good: asking again cannot make it valid longer.
    return row === undefined || (!row.retired && row.validUntilTs < minimumValidUntilTs)
  }

  async #learn(registry: Registry, questions: readonly KeyQuestion[]): Promise<void> {
    const { own } = this.#options
    const open = questions.filter(
      (question) => question.serverName !== own.serverName && isServerName(question.serverName) && this.#lacks(question),
    )
    const servers = [...new Set(open.map(({ serverName }) => serverName))].slice(0, MAX_SERVERS_PER_KEY_QUERY)
    if (servers.length === 0) return
    await this.#load(registry, servers)
    const left = new Map<string, number>()
    for (const question of open) {
      if (this.#lacks(question)) left.set(question.serverName, Math.max(left.get(question.serverName) ?? 0, question.minimumValidUntilTs))
    }
    const queue = [...left]
    const work = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) await this.#fetch(registry, next[0], next[1])
    }
    await Promise.all(Array.from({ length: Math.min(KEY_FETCH_PARALLEL, queue.length) }, work))
  }

  async #load(registry: Registry, servers: readonly string[]): Promise<void> {
    const now = this.#options.now()
    const serverNames = servers.filter((serverName) => now - (this.#loadedAt.get(serverName) ?? Number.NEGATIVE_INFINITY) >= KEY_RELOAD_MS)
    if (serverNames.length === 0) return
    for (const serverName of serverNames) this.#loadedAt.set(serverName, now)
    const rows = await loadServerKeys(registry, serverNames)
    for (const serverName of serverNames) {
      const own = rows.filter((row) => row.serverName === serverName)
      if (own.length > 0) this.#remember(serverName, own)
    }
  }

  #remember(serverName: string, rows: readonly ServerKeyRow[]): void {
    const merged = new Map(this.#known.get(serverName))
    for (const row of rows) {
      const known = merged.get(row.keyId)
      // What is older than what this isolate knows, and what a notary says against the server itself, changes nothing.
      if (known !== undefined && (known.fetchedTs > row.fetchedTs || (row.via !== '' && known.via === ''))) continue
      merged.set(row.keyId, row)
    }
    this.#known.set(serverName, merged)
  }

  #fetch(registry: Registry, serverName: string, minimumValidUntilTs: number): Promise<void> {
    if (serverName === this.#options.own.serverName || !isServerName(serverName)) return Promise.resolve()
    return this.#flights.do(serverName, async () => {
      if (!this.#budget.take(serverName)) return
      const fetched = await this.#ask(registry, serverName, minimumValidUntilTs)
      this.#budget.note(serverName, fetched !== undefined)
      if (fetched === undefined) return
      this.#remember(serverName, fetched.keys)
      // Only what a server has told itself is handed on to those who ask us as their notary.
      await storeServerKeys(registry, fetched.keys, fetched.keys.every(({ via }) => via === '') ? [fetched.response] : [])
    })
  }

  async #ask(registry: Registry, serverName: string, minimumValidUntilTs: number): Promise<FetchedKeys | undefined> {
    const { client, now, notaries } = this.#options
    try {
      return await fetchDirect(client, serverName, now)
    } catch (cause) {
      this.#explain(cause, `keys of ${serverName}`)
    }
    // A notary speaks for itself or not at all, so that notaries never wait for one another.
    if (notaries.includes(serverName)) return undefined
    for (const notary of notaries) {
      if (notary === this.#options.own.serverName) continue
      try {
        const notaryKeys = await this.currentKeys(registry, notary)
        return await fetchFromNotary(client, notary, notaryKeys, serverName, minimumValidUntilTs, now)
      } catch (cause) {
        this.#explain(cause, `keys of ${serverName} from the notary ${notary}`)
      }
    }
    return undefined
  }

  #explain(cause: unknown, what: string): void {
    if (!(cause instanceof OutboundError)) throw cause
    log.debug(`${what}: ${cause.failure}, ${cause.message}`)
  }
}

function knownKey(row: ServerKeyRow | undefined): KnownKey | undefined {
  const publicKey = row === undefined ? undefined : decodeBase64(row.publicKey)
  return row === undefined || publicKey === undefined ? undefined : { publicKey, validUntilTs: row.validUntilTs }
}

/** Rows for this server's own keys, so that its own signatures are checked like any other's. */
export function ownKeyRow(serverName: string, keyId: string, publicKey: Uint8Array, expiredTs: number | undefined): ServerKeyRow {
  const validUntilTs = expiredTs ?? Number.MAX_SAFE_INTEGER
  return { serverName, keyId, publicKey: encodeBase64(publicKey), validUntilTs, retired: expiredTs !== undefined, via: '', fetchedTs: 0 }
}
