/*
 * Layers of state groups in memory: sorted pairs of (key number, event number) in one array.
 */

/** One entry of a state: key number and event number; event number 0 shadows the key away. */
export interface StateEntry {
  readonly kid: number
  readonly nid: number
}

/** A chunk as stored: little-endian 32-bit numbers. */
export function packChunk(chunk: Uint32Array): ArrayBuffer {
  const packed = new ArrayBuffer(chunk.length * 4)
  const view = new DataView(packed)
  chunk.forEach((value, index) => {
    view.setUint32(index * 4, value, true)
  })
  return packed
}

/** A stored chunk. */
export function unpackChunk(packed: ArrayBuffer): Uint32Array {
  const view = new DataView(packed)
  const chunk = new Uint32Array(packed.byteLength / 4)
  for (let index = 0; index < chunk.length; index += 1) chunk[index] = view.getUint32(index * 4, true)
  return chunk
}

/** Changes as a layer: sorted by key, the last one of each key. */
export function sortedUnique(changes: readonly StateEntry[]): Uint32Array {
  const latest = new Map<number, number>()
  for (const { kid, nid } of changes) latest.set(kid, nid)
  const sorted = [...latest].sort(([left], [right]) => left - right)
  return Uint32Array.from(sorted.flat())
}

/** Entries of both layers, those of `upper` where both have a key. */
export function mergeOver(upper: Uint32Array, lower: Uint32Array): Uint32Array {
  const merged = new Uint32Array(upper.length + lower.length)
  let filled = 0
  let fromUpper = 0
  let fromLower = 0
  while (fromUpper < upper.length || fromLower < lower.length) {
    const upperKid = fromUpper < upper.length ? (upper[fromUpper] ?? 0) : Number.POSITIVE_INFINITY
    const lowerKid = fromLower < lower.length ? (lower[fromLower] ?? 0) : Number.POSITIVE_INFINITY
    if (upperKid <= lowerKid) {
      merged[filled] = upperKid
      merged[filled + 1] = upper[fromUpper + 1] ?? 0
      fromUpper += 2
      if (upperKid === lowerKid) fromLower += 2
    } else {
      merged[filled] = lowerKid
      merged[filled + 1] = lower[fromLower + 1] ?? 0
      fromLower += 2
    }
    filled += 2
  }
  return merged.slice(0, filled)
}
