import { scryptSync, timingSafeEqual } from 'node:crypto'
import { limitExceeded, weakPassword } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { randomBytes } from '../../runtime/random.ts'

/*
 * Passwords are kept as `$scrypt$ln=14,r=8,p=1$<salt>$<hash>` (both Base64): the parameters travel with each hash, and a hash made with older
 * ones is replaced at the next login.
 */

interface Parameters {
  /** Logarithm of the cost to base two. */
  readonly ln: number
  readonly r: number
  readonly p: number
}

/** What new hashes are made with: 16 MiB and about 50 ms. */
const CURRENT: Parameters = { ln: 14, r: 8, p: 1 }
/** Bounds on what a stored hash may ask for. */
const MAX_LN = 17
const MAX_R = 16
const MAX_P = 4
const SALT_BYTES = 16
const HASH_BYTES = 32
/** Longest password, in bytes of UTF-8 after normalization. */
export const MAX_PASSWORD_BYTES = 512

/** Hashes under way or waiting in this isolate; more are refused. */
const MAX_PENDING_HASHES = 64
/** Hashing is synchronous, so those that wait are spread out: other requests run in between. */
const PACE_MS = 70
/** A request that was cut off while it waited leaves its place behind; this is when the place is free again. */
const PENDING_LIFETIME_MS = 15_000

const pending = new Map<symbol, number>()

/** Waits for a place among the hashes of this isolate and runs one. @throws MatrixError M_LIMIT_EXCEEDED. */
async function inTurn<T>(hash: () => T): Promise<T> {
  const now = nowMs()
  for (const [place, since] of pending) if (now - since > PENDING_LIFETIME_MS) pending.delete(place)
  if (pending.size >= MAX_PENDING_HASHES) throw limitExceeded(MAX_PENDING_HASHES * PACE_MS)
  const place = Symbol('place')
  const ahead = pending.size
  pending.set(place, now)
  try {
    // The first one waits for a turn of the loop too: otherwise those that arrive together would run together.
    await scheduler.wait(ahead * PACE_MS)
    return hash()
  } finally {
    pending.delete(place)
  }
}

function derive(password: string, salt: Uint8Array, { ln, r, p }: Parameters): Uint8Array {
  const N = 2 ** ln
  return scryptSync(password.normalize('NFKC'), salt, HASH_BYTES, { N, r, p, maxmem: 256 * N * r })
}

function isTooLong(password: string): boolean {
  return Buffer.byteLength(password.normalize('NFKC'), 'utf8') > MAX_PASSWORD_BYTES
}

/** Checks that a password can be set. @throws MatrixError M_WEAK_PASSWORD for an empty or over-long one. */
export function checkNewPassword(password: string): void {
  if (password === '') throw weakPassword('The password is empty')
  if (isTooLong(password)) throw weakPassword(`The password has more than ${MAX_PASSWORD_BYTES} bytes`)
}

/** The stored form of a new password. @throws MatrixError M_LIMIT_EXCEEDED when too many hashes are waiting. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await inTurn(() => derive(password, salt, CURRENT))
  const { ln, r, p } = CURRENT
  return `$scrypt$ln=${ln},r=${r},p=${p}$${Buffer.from(salt).toString('base64')}$${Buffer.from(hash).toString('base64')}`
}

interface StoredHash {
  readonly parameters: Parameters
  readonly salt: Uint8Array
  readonly hash: Uint8Array
}

function parseStored(stored: string): StoredHash | undefined {
  const match = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(stored)
  if (match === null) return undefined
  const parameters = { ln: Number(match[1]), r: Number(match[2]), p: Number(match[3]) }
  if (parameters.ln > MAX_LN || parameters.r > MAX_R || parameters.p > MAX_P) return undefined
  const hash = Buffer.from(match[5] ?? '', 'base64')
  return hash.length === HASH_BYTES ? { parameters, salt: Buffer.from(match[4] ?? '', 'base64'), hash } : undefined
}

/** What comparing a password with a stored hash found. */
export interface PasswordVerdict {
  readonly right: boolean
  /** The hash was made with other parameters than new ones are. */
  readonly outdated: boolean
}

/**
 * Compares a password with a stored hash. Without one, or for a password that nobody can have, the same work is done and the answer is wrong,
 * so that the time tells nothing. @throws MatrixError M_LIMIT_EXCEEDED when too many hashes are waiting.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<PasswordVerdict> {
  const known = stored === undefined || isTooLong(password) ? undefined : parseStored(stored)
  const { parameters, salt, hash } = known ?? { parameters: CURRENT, salt: new Uint8Array(SALT_BYTES), hash: new Uint8Array(HASH_BYTES) }
  const derived = await inTurn(() => derive(known === undefined ? '' : password, salt, parameters))
  const equal = timingSafeEqual(derived, hash)
  const outdated = parameters.ln !== CURRENT.ln || parameters.r !== CURRENT.r || parameters.p !== CURRENT.p
  return { right: known !== undefined && equal, outdated }
}
