import { decodeBase64, encodeBase64 } from '../../../matrix/base64.ts'
import type { KeyLookup, KnownKey } from '../../../matrix/events/event-signatures.ts'
import { isServerName } from '../../../matrix/ids/server-name.ts'
import { log } from '../../../runtime/log.ts'
import type { Registry } from '../../../storage/d1/open.ts'
import { MAX_KEYS_PER_STORE, type ServerKeyRow, storeServerKeys } from '../../../storage/d1/server-keys.ts'
import type { FederationClient } from '../client.ts'
import {
  KEY_FETCH_PARALLEL,
  MAX_KEYS_PER_RESPONSE,
  NOTARY_FIRST_SERVERS,
  SERVERS_PER_KEY_ROUND,
  SERVERS_PER_NOTARY_QUERY,
} from '../limits.ts'
import { OutboundError } from '../outbound-error.ts'
import { SingleFlight } from '../single-flight.ts'
import { FetchBudget, type KeyPurpose } from './fetch-budget.ts'
import { type FetchedKeys, fetchDirect, fetchFromNotary } from './key-fetch.ts'
import { KeyMemory, type KeyMemoryOptions, type KeyQuestion } from './key-memory.ts'

/** What a key ring works with, besides the registry of each call. */
export interface KeyRingOptions extends KeyMemoryOptions {
  readonly client: FederationClient
  /** Servers that are believed about other servers' keys, first one first. */
  readonly notaries: readonly string[]
}

/** Signing keys of other servers: from this isolate's memory, from the registry, from the servers, from notaries. One per isolate. */
export class KeyRing {
  readonly #options: KeyRingOptions
  readonly #memory: KeyMemory
  readonly #flights = new SingleFlight<void>()
  /** Fetched and not stored yet. */
  readonly #unsaved: FetchedKeys[] = []
  readonly #budget: FetchBudget

  constructor(options: KeyRingOptions) {
    this.#options = options
    this.#memory = new KeyMemory(options)
    this.#budget = new FetchBudget(options.now)
  }

  /**
   * The key (32 bytes) by which a server signs requests now; `undefined` if it has no such key, only a retired one, or cannot be asked.
   */
  async requestKey(registry: Registry, serverName: string, keyId: string): Promise<Uint8Array | undefined> {
    const usable = (): ServerKeyRow | undefined => {
      const row = this.#memory.find(serverName, keyId)
      return row !== undefined && !row.retired && row.validUntilTs >= this.#options.now() ? row : undefined
    }
    if (usable() === undefined) await this.#learn(registry, [{ serverName, keyId, minimumValidUntilTs: this.#options.now() }], 'request')
    const row = usable()
    return row === undefined ? undefined : decodeBase64(row.publicKey)
  }

  /** Looks up every key that can be had, asking each server at most once. The answer knows the keys of the questions and no others. */
  async eventKeys(registry: Registry, questions: readonly KeyQuestion[]): Promise<KeyLookup> {
    const byServer = new Map<string, KeyQuestion[]>()
    for (const question of questions) {
      const others = byServer.get(question.serverName)
      if (others === undefined) byServer.set(question.serverName, [question])
      else others.push(question)
    }
    const servers = [...byServer.values()]
    const found = new Map<string, KnownKey>()
    for (let start = 0; start < servers.length; start += SERVERS_PER_KEY_ROUND) {
      const round = servers.slice(start, start + SERVERS_PER_KEY_ROUND).flat()
      await this.#learn(registry, round, 'event')
      // Taken out at once: a room may have more servers than this isolate remembers.
      for (const { serverName, keyId } of round) {
        const key = knownKey(this.#memory.find(serverName, keyId))
        if (key !== undefined) found.set(`${serverName} ${keyId}`, key)
      }
    }
    return (serverName, keyId) => found.get(`${serverName} ${keyId}`)
  }

  /** The current keys of a server (32 bytes each) by their IDs. */
  async currentKeys(registry: Registry, serverName: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const question = { serverName, keyId: '', minimumValidUntilTs: this.#options.now() }
    if (this.#memory.current(serverName).length === 0) await this.#learn(registry, [question], 'event')
    return new Map(this.#memory.current(serverName).map((row) => [row.keyId, decodeBase64(row.publicKey) ?? new Uint8Array(0)]))
  }

  /** Asks a server anew unless it was asked a moment ago, or the budget is used up; for notaries. */
  async refresh(registry: Registry, serverName: string): Promise<void> {
    await this.#fetch(registry, serverName, this.#options.now(), 'request')
    await this.#save(registry)
  }

  async #learn(registry: Registry, questions: readonly KeyQuestion[], purpose: KeyPurpose): Promise<void> {
    const { own } = this.#options
    const isOpen = (question: KeyQuestion): boolean => question.serverName !== own.serverName && this.#memory.lacks(question)
    const open = questions.filter((question) => isOpen(question) && isServerName(question.serverName))
    if (open.length === 0) return
    await this.#memory.load(registry, [...new Set(open.map(({ serverName }) => serverName))])
    if (this.#wanted(open).size >= NOTARY_FIRST_SERVERS) await this.#askNotaries(registry, this.#wanted(open))
    const queue = [...this.#wanted(open)]
    const work = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) await this.#fetch(registry, next[0], next[1], purpose)
    }
    await Promise.all(Array.from({ length: Math.min(KEY_FETCH_PARALLEL, queue.length) }, work))
    await this.#save(registry)
  }

  /** Servers whose keys are still missing, and until when those should be valid. */
  #wanted(questions: readonly KeyQuestion[]): Map<string, number> {
    const wanted = new Map<string, number>()
    for (const question of questions) {
      if (!this.#memory.lacks(question)) continue
      wanted.set(question.serverName, Math.max(wanted.get(question.serverName) ?? 0, question.minimumValidUntilTs))
    }
    return wanted
  }

  /** Asks notaries about many servers at once. What they do not know is left to be asked for itself. */
  async #askNotaries(registry: Registry, wanted: ReadonlyMap<string, number>): Promise<void> {
    const { notaries } = this.#options
    const left = new Map([...wanted].filter(([serverName]) => !notaries.includes(serverName)))
    for (const notary of notaries) {
      const servers = [...left]
      for (let start = 0; start < servers.length; start += SERVERS_PER_NOTARY_QUERY) {
        const found = await this.#fromNotary(registry, notary, new Map(servers.slice(start, start + SERVERS_PER_NOTARY_QUERY)))
        for (const [serverName, fetched] of found) {
          left.delete(serverName)
          this.#take(serverName, fetched)
        }
      }
    }
  }

  async #fromNotary(registry: Registry, notary: string, wanted: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, FetchedKeys>> {
    const { client, now, own } = this.#options
    if (notary === own.serverName) return new Map()
    try {
      const notaryKeys = await this.currentKeys(registry, notary)
      return await fetchFromNotary(client, notary, notaryKeys, wanted, now)
    } catch (cause) {
      explain(cause, `keys from the notary ${notary}`)
      return new Map()
    }
  }

  #fetch(registry: Registry, serverName: string, minimumValidUntilTs: number, purpose: KeyPurpose): Promise<void> {
    if (serverName === this.#options.own.serverName || !isServerName(serverName)) return Promise.resolve()
    return this.#flights.do(serverName, async () => {
      if (!this.#budget.take(serverName, purpose)) return
      const fetched = await this.#ask(registry, serverName, minimumValidUntilTs)
      this.#budget.note(serverName, fetched !== undefined)
      if (fetched !== undefined) this.#take(serverName, fetched)
    })
  }

  #take(serverName: string, fetched: FetchedKeys): void {
    this.#memory.remember(serverName, fetched.keys)
    this.#unsaved.push(fetched)
  }

  /** Stores what was fetched, in batches. */
  async #save(registry: Registry): Promise<void> {
    while (this.#unsaved.length > 0) {
      const batch = this.#unsaved.splice(0, Math.floor(MAX_KEYS_PER_STORE / (2 * MAX_KEYS_PER_RESPONSE)))
      const keys = batch.flatMap((fetched) => fetched.keys)
      // Only what a server has told itself is handed on to those who ask us as their notary.
      const direct = batch.filter((fetched) => fetched.keys.every(({ via }) => via === ''))
      await storeServerKeys(
        registry,
        keys,
        direct.map(({ response }) => response),
      )
    }
  }

  async #ask(registry: Registry, serverName: string, minimumValidUntilTs: number): Promise<FetchedKeys | undefined> {
    const { client, now, notaries } = this.#options
    try {
      return await fetchDirect(client, serverName, now)
    } catch (cause) {
      explain(cause, `keys of ${serverName}`)
    }
    // A notary speaks for itself or not at all, so that notaries never wait for one another.
    if (notaries.includes(serverName)) return undefined
    for (const notary of notaries) {
      const found = await this.#fromNotary(registry, notary, new Map([[serverName, minimumValidUntilTs]]))
      const fetched = found.get(serverName)
      if (fetched !== undefined) return fetched
    }
    return undefined
  }
}

function explain(cause: unknown, what: string): void {
  if (!(cause instanceof OutboundError)) throw cause
  log.debug(`${what}: ${cause.failure}, ${cause.message}`)
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
