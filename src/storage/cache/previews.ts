import { createHash } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import type { Env } from '../../runtime/bindings.ts'
import { countCost } from '../../runtime/metrics.ts'

/** Previews of URLs in KV, by a hash of the URL: the same for every user. What is read may be stale by their lifetime. */
export class PreviewCache {
  readonly #kv: KVNamespace
  readonly #requestId: string | undefined

  constructor(env: Pick<Env, 'KV'>, requestId: string | undefined) {
    this.#kv = env.KV
    this.#requestId = requestId
  }

  /** The preview of a URL, if there is one. */
  async get(url: string): Promise<JsonObject | undefined> {
    countCost('kv', this.#requestId)
    const text = await this.#kv.get(keyOf(url))
    if (text === null) return undefined
    const value: unknown = JSON.parse(text)
    if (!isJsonObject(value)) throw new Error('a preview in the cache is none')
    return value
  }

  /** Keeps one for some seconds, at least 60. */
  async put(url: string, preview: JsonObject, lifetimeSeconds: number): Promise<void> {
    countCost('kv', this.#requestId)
    await this.#kv.put(keyOf(url), JSON.stringify(preview), { expirationTtl: lifetimeSeconds })
  }
}

function keyOf(url: string): string {
  return `preview:${createHash('sha256').update(url).digest('base64url')}`
}
