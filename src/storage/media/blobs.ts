import type { Env } from '../../runtime/bindings.ts'
import { countCost } from '../../runtime/metrics.ts'

/** A part of a file: `length` bytes from `offset` on. */
export interface BlobRange {
  readonly offset: number
  readonly length: number
}

/** Keys removed at once, as many as the platform allows. */
const MAX_KEYS_PER_DELETE = 1_000

/** Files in R2, as one request or job sees them: every access is counted. */
export class Blobs {
  readonly #bucket: R2Bucket
  readonly #requestId: string | undefined

  constructor(env: Pick<Env, 'MEDIA'>, requestId: string | undefined) {
    this.#bucket = env.MEDIA
    this.#requestId = requestId
  }

  /** Writes a file whose length is known, with its type if it has none in the registry. */
  async put(key: string, body: ReadableStream<Uint8Array> | Uint8Array, contentType?: string): Promise<void> {
    countCost('r2', this.#requestId)
    await this.#bucket.put(key, body, contentType === undefined ? {} : { httpMetadata: { contentType } })
  }

  /** Begins a file that is written part by part. */
  async begin(key: string): Promise<R2MultipartUpload> {
    countCost('r2', this.#requestId)
    return await this.#bucket.createMultipartUpload(key)
  }

  /** A file, or a part of it, as a stream. `undefined` where there is none. */
  async get(key: string, range?: BlobRange): Promise<R2ObjectBody | undefined> {
    countCost('r2', this.#requestId)
    return (await this.#bucket.get(key, range === undefined ? {} : { range })) ?? undefined
  }

  /** Removes files, whether they are there or not. */
  async delete(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += MAX_KEYS_PER_DELETE) {
      countCost('r2', this.#requestId)
      await this.#bucket.delete(keys.slice(start, start + MAX_KEYS_PER_DELETE))
    }
  }
}
