import { type Leave, Places } from '../../runtime/places.ts'
import type { Blobs } from './blobs.ts'

/** R2 takes parts of at least this size, all but the last of the same. */
const PART_BYTES = 5 * 1_024 * 1_024
/** Room that a file of unknown length begins with; doubled as it grows. */
const FIRST_BYTES = 64 * 1_024
/** A file that has grown beyond this needs one of the places for large ones. */
const SMALL_BYTES = 512 * 1_024
/** Large files of unknown length that one isolate holds a part of at once: 40 MiB in all. */
const MAX_LARGE = 8
/** A file that gets no place within this time is given up, in milliseconds. */
const PLACE_TIMEOUT_MS = 30_000
const PLACE_PAUSE_MS = 25
/** The longest that anybody takes to send a large file, in milliseconds. */
const LARGE_LEASE_MS = 10 * 60 * 1_000

/** Why a file was not written: larger than allowed, ended in the middle, or no room to hold it. */
export type WriteFailure = 'too_large' | 'broken' | 'busy'

/** A file that was not written. Nothing of it is left. */
export class WriteBlobError extends Error {
  readonly failure: WriteFailure

  constructor(failure: WriteFailure, cause?: unknown) {
    super(`a file was not written: ${failure}`, cause === undefined ? undefined : { cause })
    this.name = 'WriteBlobError'
    this.failure = failure
  }
}

/**
 * Writes a file of a length that is known beforehand; its bytes never touch this program's memory.
 * @throws WriteBlobError `broken` if there are more or fewer bytes; whatever R2 throws.
 */
export async function writeKnown(blobs: Blobs, key: string, body: ReadableStream<Uint8Array>, bytes: number): Promise<void> {
  const { readable, writable } = new FixedLengthStream(bytes)
  let broken: unknown
  const piped = body.pipeTo(writable).catch((cause: unknown) => {
    broken = cause ?? new Error('the stream broke')
  })
  try {
    await Promise.all([blobs.put(key, readable), piped])
  } catch (cause) {
    await readable.cancel().catch(() => undefined)
    await piped
    throw broken === undefined ? cause : new WriteBlobError('broken', broken)
  }
  if (broken !== undefined) throw new WriteBlobError('broken', broken)
}

/**
 * Writes a file of unknown length, at most a part of it in memory; answers its length.
 * @throws WriteBlobError; whatever `pieces` or R2 throw.
 */
export async function writeUnknown(blobs: Blobs, key: string, pieces: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number> {
  const file = new PartedFile(blobs, key)
  try {
    let bytes = 0
    for await (const piece of pieces) {
      bytes += piece.length
      if (bytes > maxBytes) throw new WriteBlobError('too_large')
      await file.add(piece)
    }
    await file.end()
    return bytes
  } catch (cause) {
    await file.abort()
    throw cause
  } finally {
    file.release()
  }
}

/** The pieces of a request's body. Whoever stops early cancels the rest. */
export async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader()
  let finished = false
  try {
    for (;;) {
      const piece = await reader.read().catch((cause: unknown) => {
        throw new WriteBlobError('broken', cause)
      })
      if (piece.done) {
        finished = true
        return
      }
      yield piece.value
    }
  } finally {
    if (!finished) reader.cancel().catch(() => undefined)
  }
}

const largeFiles = new Places(MAX_LARGE, LARGE_LEASE_MS)

/** A file that is gathered until there is a part of it to be written. */
class PartedFile {
  readonly #blobs: Blobs
  readonly #key: string
  #buffer = new Uint8Array(FIRST_BYTES)
  #filled = 0
  #leave: Leave | undefined
  #upload: R2MultipartUpload | undefined
  readonly #parts: R2UploadedPart[] = []

  constructor(blobs: Blobs, key: string) {
    this.#blobs = blobs
    this.#key = key
  }

  async add(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      if (this.#filled === PART_BYTES) await this.#flush()
      const some = piece.subarray(at, at + PART_BYTES - this.#filled)
      await this.#makeRoom(this.#filled + some.length)
      this.#buffer.set(some, this.#filled)
      this.#filled += some.length
      at += some.length
    }
  }

  async end(): Promise<void> {
    if (this.#upload === undefined) return await this.#blobs.put(this.#key, this.#buffer.subarray(0, this.#filled))
    if (this.#filled > 0) await this.#flush()
    await this.#upload.complete(this.#parts)
  }

  async abort(): Promise<void> {
    await this.#upload?.abort().catch(() => undefined)
  }

  /** Gives up the place. */
  release(): void {
    this.#leave?.()
  }

  async #flush(): Promise<void> {
    this.#upload ??= await this.#blobs.begin(this.#key)
    this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, this.#buffer.subarray(0, this.#filled)))
    this.#filled = 0
  }

  async #makeRoom(bytes: number): Promise<void> {
    if (bytes <= this.#buffer.length) return
    if (bytes > SMALL_BYTES && this.#leave === undefined) {
      this.#leave = await largeFiles.wait(PLACE_TIMEOUT_MS, PLACE_PAUSE_MS)
      if (this.#leave === undefined) throw new WriteBlobError('busy')
    }
    let size = this.#buffer.length
    while (size < bytes) size *= 2
    const larger = new Uint8Array(Math.min(size, PART_BYTES))
    larger.set(this.#buffer.subarray(0, this.#filled))
    this.#buffer = larger
  }
}
