import { limitExceeded } from '../matrix/errors.ts'
import { type RateLimitClass, UNKNOWN_ADDRESS } from './context.ts'

/** A bucket of `burst` requests that refills at `perSecond`. */
export interface Limit {
  readonly burst: number
  readonly perSecond: number
}

/** Limits of one user over all of their devices (SECURITY O6), kept in the memory of the account's object. */
export const USER_LIMITS: Readonly<Record<RateLimitClass, Limit | undefined>> = {
  none: undefined,
  read: { burst: 300, perSecond: 50 },
  write: { burst: 100, perSecond: 10 },
  message: { burst: 60, perSecond: 10 },
  sync: { burst: 100, perSecond: 20 },
  ephemeral: { burst: 100, perSecond: 20 },
  'create-room': { burst: 20, perSecond: 0.2 },
  join: { burst: 30, perSecond: 0.5 },
  invite: { burst: 50, perSecond: 0.5 },
  // A screen full of pictures is one request each.
  media: { burst: 500, perSecond: 50 },
  upload: { burst: 60, perSecond: 2 },
  account: { burst: 20, perSecond: 0.5 },
  login: { burst: 20, perSecond: 0.2 },
  register: { burst: 10, perSecond: 0.05 },
  federation: { burst: 1_000, perSecond: 200 },
  notary: { burst: 50, perSecond: 1 },
  unsigned: { burst: 100, perSecond: 2 },
  page: { burst: 100, perSecond: 2 },
  oauth: { burst: 100, perSecond: 2 },
  'oauth-client': { burst: 20, perSecond: 0.1 },
}

/** Limits of one address for requests that carry no valid token, kept in the memory of each isolate. */
export const ADDRESS_LIMITS: Readonly<Record<RateLimitClass, Limit | undefined>> = {
  ...USER_LIMITS,
  account: { burst: 20, perSecond: 0.2 },
  login: { burst: 20, perSecond: 0.2 },
}

/** Clients whose addresses are not known share a bucket; it is this much larger than one of a single address. */
const UNKNOWN_ADDRESS_FACTOR = 20

/** Buckets kept at once; the one idle longest is forgotten first. */
const MAX_BUCKETS = 10_000
const MS_PER_SECOND = 1000

interface Bucket {
  tokens: number
  atMs: number
}

/** Token buckets by key, bounded in number. */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>()
  readonly #max: number

  constructor(max: number = MAX_BUCKETS) {
    this.#max = max
  }

  /** Takes one request out of a bucket. Answers 0, or how many milliseconds to wait until there is one again. */
  take(key: string, limit: Limit, nowMs: number): number {
    const tokens = this.#tokens(key, limit, nowMs)
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs })
    if (this.#buckets.size > this.#max) this.#forgetOldest()
    return waitMs(tokens, limit)
  }

  /** What {@link take} would answer, without taking. */
  peek(key: string, limit: Limit, nowMs: number): number {
    return waitMs(this.#tokens(key, limit, nowMs), limit)
  }

  #tokens(key: string, limit: Limit, nowMs: number): number {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return limit.burst
    const elapsedMs = Math.max(0, nowMs - bucket.atMs)
    return Math.min(limit.burst, bucket.tokens + (elapsedMs / MS_PER_SECOND) * limit.perSecond)
  }

  #forgetOldest(): void {
    const oldest = this.#buckets.keys().next()
    if (!oldest.done) this.#buckets.delete(oldest.value)
  }
}

function waitMs(tokens: number, limit: Limit): number {
  return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / limit.perSecond) * MS_PER_SECOND)
}

const addressBuckets = new Buckets()

/** Counts a request without a valid token against its address. @throws MatrixError M_LIMIT_EXCEEDED. */
export function chargeAddress(rateLimit: RateLimitClass, address: string, nowMs: number): void {
  const limit = addressLimit(rateLimit, address)
  if (limit === undefined) return
  const retryAfterMs = addressBuckets.take(`${rateLimit} ${address}`, limit, nowMs)
  if (retryAfterMs > 0) throw limitExceeded(retryAfterMs)
}

/** Refuses an address that has used up its limit, without counting. @throws MatrixError M_LIMIT_EXCEEDED. */
export function checkAddress(rateLimit: RateLimitClass, address: string, nowMs: number): void {
  const limit = addressLimit(rateLimit, address)
  const retryAfterMs = limit === undefined ? 0 : addressBuckets.peek(`${rateLimit} ${address}`, limit, nowMs)
  if (retryAfterMs > 0) throw limitExceeded(retryAfterMs)
}

function addressLimit(rateLimit: RateLimitClass, address: string): Limit | undefined {
  const single = ADDRESS_LIMITS[rateLimit]
  if (single === undefined) return undefined
  const factor = address === UNKNOWN_ADDRESS ? UNKNOWN_ADDRESS_FACTOR : 1
  return { burst: single.burst * factor, perSecond: single.perSecond * factor }
}

const serverBuckets = new Buckets()

/** Counts a request against the server that signed it. @throws MatrixError M_LIMIT_EXCEEDED. */
export function chargeServer(rateLimit: RateLimitClass, serverName: string, nowMs: number): void {
  const limit = USER_LIMITS[rateLimit]
  const retryAfterMs = limit === undefined ? 0 : serverBuckets.take(`${rateLimit} ${serverName}`, limit, nowMs)
  if (retryAfterMs > 0) throw limitExceeded(retryAfterMs)
}
