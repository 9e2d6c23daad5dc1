import type { Registry } from '../../../storage/d1/open.ts'
import { loadServerKeys, type ServerKeyRow } from '../../../storage/d1/server-keys.ts'
import { KEY_RELOAD_MS, MAX_CACHED_KEY_SERVERS } from '../limits.ts'
import { Lru } from '../lru.ts'

/** A key that is asked for. */
export interface KeyQuestion {
  readonly serverName: string
  readonly keyId: string
  /** Until when the key must be valid, in milliseconds since the epoch: for events, when they were sent. */
  readonly minimumValidUntilTs: number
}

/** What a memory of keys begins with. */
export interface KeyMemoryOptions {
  readonly now: () => number
  /** Public keys (unpadded Base64) that count for nothing. */
  readonly deniedKeys: ReadonlySet<string>
  readonly own: { readonly serverName: string; readonly keys: readonly ServerKeyRow[] }
}

/** Keys as far as this isolate knows them, and as the registry does. */
export class KeyMemory {
  readonly #options: KeyMemoryOptions
  readonly #known = new Lru<string, ReadonlyMap<string, ServerKeyRow>>(MAX_CACHED_KEY_SERVERS)
  /** When the registry was last asked about a server, in milliseconds since the epoch, and whether it, or anybody since, knew something. */
  readonly #loaded = new Lru<string, { readonly atMs: number; readonly found: boolean }>(MAX_CACHED_KEY_SERVERS)

  constructor(options: KeyMemoryOptions) {
    this.#options = options
  }

  /** A key that is known and not denied. */
  find(serverName: string, keyId: string): ServerKeyRow | undefined {
    const { own, deniedKeys } = this.#options
    const row = serverName === own.serverName ? own.keys.find((key) => key.keyId === keyId) : this.#known.get(serverName)?.get(keyId)
    return row === undefined || deniedKeys.has(row.publicKey) ? undefined : row
  }

  /** The keys by which a server signs now. */
  current(serverName: string): ServerKeyRow[] {
    const now = this.#options.now()
    const rows = [...(this.#known.get(serverName)?.values() ?? [])]
    return rows.filter((row) => !row.retired && row.validUntilTs >= now && !this.#options.deniedKeys.has(row.publicKey))
  }

  /** Whether a question cannot be answered from here. */
  lacks({ serverName, keyId, minimumValidUntilTs }: KeyQuestion): boolean {
    const row = this.find(serverName, keyId)
    // A retired key has ended for good: asking again cannot make it valid longer.
    return row === undefined || (!row.retired && row.validUntilTs < minimumValidUntilTs)
  }

  /** Takes over what the registry knows of some servers: one statement, or none if it was asked a moment ago. */
  async load(registry: Registry, servers: readonly string[]): Promise<void> {
    const now = this.#options.now()
    const serverNames = servers.filter((serverName) => this.#mustLoad(serverName, now))
    if (serverNames.length === 0) return
    const rows = await loadServerKeys(registry, serverNames)
    const byServer = Map.groupBy(rows, (row) => row.serverName)
    for (const serverName of serverNames) {
      const found = byServer.get(serverName)
      if (found !== undefined) this.remember(serverName, found)
      this.#loaded.set(serverName, { atMs: now, found: found !== undefined })
    }
  }

  #mustLoad(serverName: string, now: number): boolean {
    const loaded = this.#loaded.get(serverName)
    if (loaded === undefined || now - loaded.atMs >= KEY_RELOAD_MS) return true
    // It has been forgotten here since.
    return loaded.found && this.#known.get(serverName) === undefined
  }

  /** Takes over what a server or a notary has told. */
  remember(serverName: string, rows: readonly ServerKeyRow[]): void {
    const merged = new Map(this.#known.get(serverName))
    for (const row of rows) {
      const known = merged.get(row.keyId)
      // What is older than what is known, and what a notary says against the server itself, changes nothing.
      if (known !== undefined && (known.fetchedTs > row.fetchedTs || (row.via !== '' && known.via === ''))) continue
      merged.set(row.keyId, row)
    }
    this.#known.set(serverName, merged)
    const loaded = this.#loaded.get(serverName)
    if (loaded !== undefined) this.#loaded.set(serverName, { ...loaded, found: true })
  }
}
