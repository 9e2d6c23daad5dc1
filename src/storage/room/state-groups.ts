import type { ObjectStore } from '../object-store.ts'
import { ByteCache } from './byte-cache.ts'
import { MAX_CACHED_CHUNK_BYTES, STATE_CHUNK_PAIRS } from './limits.ts'
import { mergeOver, packChunk, type StateEntry, sortedUnique, unpackChunk } from './state-layers.ts'

export type { StateEntry } from './state-layers.ts'

/** The empty state: the group before the create event. */
export const EMPTY_GROUP = 0

interface Layer {
  readonly parent: number
  readonly size: number
  readonly chain: number
  /** Whether all of the state's events are here. */
  readonly complete: boolean
}

/**
 * Immutable room states as chains of layers of geometrically growing sizes: a layer is merged into its parent once it is at least half as large, so a chain
 * is about log2(state) long, and one change writes a few rows however large the state. Groups are never changed; merging makes a new one.
 */
export class StateGroups {
  readonly #store: ObjectStore
  readonly #layers = new Map<number, Layer>()
  readonly #chunks = new ByteCache<string, Uint32Array>(MAX_CACHED_CHUNK_BYTES)
  #lastGid: number | undefined
  /** Chunks read from storage or cache since the object started, for the budget tests. */
  layerReads = 0

  constructor(store: ObjectStore) {
    this.#store = store
  }

  forgetCache(): void {
    this.#layers.clear()
    this.#chunks.clear()
    this.#lastGid = undefined
  }

  /** The tables were made just now. */
  startEmpty(): void {
    this.#lastGid = EMPTY_GROUP
  }

  /** Whether every event of a state is here: a state of which some could not be had stays incomplete, and so does what is built on it. */
  isComplete(group: number): boolean {
    return group === EMPTY_GROUP || this.#layer(group).complete
  }

  /** The state after `changes` on top of `base`, as a new group. The caller holds the transaction. */
  extend(base: number, changes: readonly StateEntry[], complete = this.isComplete(base)): number {
    let own = sortedUnique(changes)
    let parent = base
    while (parent !== EMPTY_GROUP) {
      const layer = this.#layer(parent)
      if (own.length / 2 < layer.size / 2) break
      own = mergeOver(own, this.#entries(parent, layer))
      parent = layer.parent
    }
    return this.#insert(parent, own, complete)
  }

  /** The event number under a key in a state, or `undefined`. Reads at most one chunk per layer of the chain. */
  lookup(group: number, kid: number): number | undefined {
    let gid = group
    while (gid !== EMPTY_GROUP) {
      const nid = this.#lookupOwn(gid, kid)
      if (nid !== undefined) return nid === 0 ? undefined : nid
      gid = this.#layer(gid).parent
    }
    return undefined
  }

  /** The whole state of a group as key number → event number. As large as the state: bounded use only. */
  all(group: number): Map<number, number> {
    const state = new Map<number, number>()
    let gid = group
    while (gid !== EMPTY_GROUP) {
      const layer = this.#layer(gid)
      const entries = this.#entries(gid, layer)
      for (let index = 0; index < entries.length; index += 2) {
        const kid = entries[index] ?? 0
        if (!state.has(kid)) state.set(kid, entries[index + 1] ?? 0)
      }
      gid = layer.parent
    }
    for (const [kid, nid] of state) if (nid === 0) state.delete(kid)
    return state
  }

  /**
   * Keys that may differ between two states: what the layers above their nearest common one hold. Cheap for states that are near one another,
   * which the states of a fork's branches are.
   */
  differingKeys(left: number, right: number): number[] {
    const leftChain = this.#chainOf(left)
    const rightChain = this.#chainOf(right)
    const shared = new Set(rightChain)
    const common = leftChain.find((gid) => shared.has(gid))
    const candidates = new Set<number>()
    for (const chain of [leftChain, rightChain]) {
      for (const gid of chain) {
        if (gid === common) break
        const entries = this.#entries(gid, this.#layer(gid))
        for (let index = 0; index < entries.length; index += 2) candidates.add(entries[index] ?? 0)
      }
    }
    return [...candidates].filter((kid) => this.lookup(left, kid) !== this.lookup(right, kid))
  }

  #chainOf(group: number): number[] {
    const chain: number[] = []
    for (let gid = group; gid !== EMPTY_GROUP; gid = this.#layer(gid).parent) chain.push(gid)
    return chain
  }

  /** Layers from a group down to the empty state. */
  chainLength(group: number): number {
    return group === EMPTY_GROUP ? 0 : this.#layer(group).chain
  }

  /** At least the number of a state's entries: what its layers hold, shadowed entries counted. */
  approximateSize(group: number): number {
    let size = 0
    for (let gid = group; gid !== EMPTY_GROUP; gid = this.#layer(gid).parent) size += this.#layer(gid).size
    return size
  }

  #insert(parent: number, own: Uint32Array, complete: boolean): number {
    const chain = this.chainLength(parent) + 1
    const size = own.length / 2
    this.#lastGid ??= this.#store.first<{ gid: number | null }>('SELECT max(gid) AS gid FROM state_groups')?.gid ?? EMPTY_GROUP
    this.#lastGid += 1
    const gid = this.#lastGid
    this.#store.run(
      'INSERT INTO state_groups (gid, parent, size, chain, complete) VALUES (?, ?, ?, ?, ?)',
      gid,
      parent,
      size,
      chain,
      complete ? 1 : 0,
    )
    this.#layers.set(gid, { parent, size, chain, complete })
    for (let start = 0; start < own.length; start += 2 * STATE_CHUNK_PAIRS) {
      const chunk = own.slice(start, start + 2 * STATE_CHUNK_PAIRS)
      this.#store.run('INSERT INTO state_chunks (gid, first_kid, entries) VALUES (?, ?, ?)', gid, chunk[0] ?? 0, packChunk(chunk))
      this.#chunks.set(size <= STATE_CHUNK_PAIRS ? `${gid}/` : `${gid}/${chunk[0] ?? 0}`, chunk, chunk.byteLength + 64)
    }
    return gid
  }

  #layer(gid: number): Layer {
    const cached = this.#layers.get(gid)
    if (cached !== undefined) return cached
    const row = this.#store.first<{ parent: number; size: number; chain: number; complete: number }>(
      'SELECT parent, size, chain, complete FROM state_groups WHERE gid = ?',
      gid,
    )
    if (row === undefined) throw new Error(`state group ${gid} is missing`)
    if (this.#layers.size >= 4096) this.#layers.clear()
    const layer = { ...row, complete: row.complete === 1 }
    this.#layers.set(gid, layer)
    return layer
  }

  #lookupOwn(gid: number, kid: number): number | undefined {
    this.layerReads += 1
    const layer = this.#layer(gid)
    const chunk =
      layer.size <= STATE_CHUNK_PAIRS
        ? this.#onlyChunk(gid)
        : this.#readChunk(
            gid,
            this.#store.first<{ first_kid: number }>(
              'SELECT first_kid FROM state_chunks WHERE gid = ? AND first_kid <= ? ORDER BY first_kid DESC LIMIT 1',
              gid,
              kid,
            )?.first_kid,
          )
    if (chunk === undefined) return undefined
    let low = 0
    let high = chunk.length / 2 - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = chunk[2 * middle] ?? 0
      if (found === kid) return chunk[2 * middle + 1]
      if (found < kid) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  #onlyChunk(gid: number): Uint32Array | undefined {
    const cached = this.#chunks.get(`${gid}/`)
    if (cached !== undefined) return cached
    const row = this.#store.first<{ entries: ArrayBuffer }>('SELECT entries FROM state_chunks WHERE gid = ?', gid)
    if (row === undefined) return undefined
    const chunk = unpackChunk(row.entries)
    this.#chunks.set(`${gid}/`, chunk, chunk.byteLength + 64)
    return chunk
  }

  #readChunk(gid: number, firstKid: number | undefined): Uint32Array | undefined {
    if (firstKid === undefined) return undefined
    const key = `${gid}/${firstKid}`
    const cached = this.#chunks.get(key)
    if (cached !== undefined) return cached
    const row = this.#store.first<{ entries: ArrayBuffer }>(
      'SELECT entries FROM state_chunks WHERE gid = ? AND first_kid = ?',
      gid,
      firstKid,
    )
    if (row === undefined) throw new Error(`state chunk ${key} is missing`)
    const chunk = unpackChunk(row.entries)
    this.#chunks.set(key, chunk, chunk.byteLength + 64)
    return chunk
  }

  /** All of a layer's own entries; not to be changed. */
  #entries(gid: number, layer: Layer): Uint32Array {
    const only = layer.size <= STATE_CHUNK_PAIRS ? this.#onlyChunk(gid) : undefined
    if (only !== undefined && only.length === 2 * layer.size) return only
    const all = new Uint32Array(2 * layer.size)
    let filled = 0
    const rows = this.#store.sql.exec<{ entries: ArrayBuffer }>('SELECT entries FROM state_chunks WHERE gid = ? ORDER BY first_kid', gid)
    for (const row of rows) {
      const chunk = unpackChunk(row.entries)
      all.set(chunk, filled)
      filled += chunk.length
    }
    if (filled !== all.length) throw new Error(`state group ${gid} has ${filled / 2} entries, expected ${layer.size}`)
    return all
  }
}
