import { createHmac, timingSafeEqual } from 'node:crypto'
import { sha256 } from '../../matrix/crypto.ts'
import { unknownPos } from '../../matrix/errors.ts'
import { deriveKey } from '../../runtime/access-token.ts'
import type { Config } from '../../runtime/config.ts'
import type { FeedMark } from './feed-marks.ts'

/*
 * Sync positions: `s1.<boot>.<seq>.<durable>.<toDevice>.<accountData>.<deviceLists>.<held>[.<presence>].<mac>`, numbers in base 36. The MAC binds a
 * position to the user and the device that it was issued to, so that whatever it says can be believed (SECURITY R9).
 */

/** Where a client is in everything that a sync response tells. */
export interface SyncToken extends FeedMark {
  /** Positions of the user's own durable streams. */
  readonly toDevice: number
  readonly accountData: number
  readonly deviceLists: number
  /** Position among the presences that the life of the object named by `boot` has heard of; absent where it had heard of none. */
  readonly presence?: number
  /** Rooms that could not be asked when the token was made: by {@link roomKey}, the `seq` at which the client still is in that room. */
  readonly held: ReadonlyMap<string, number>
}

/** Rooms that a token can hold back; with more of them failing, the whole response fails. */
export const MAX_HELD_ROOMS = 16
/** Longer texts are not tokens. */
const MAX_TOKEN_CHARS = 1024
/** 144 bits in Base64url. */
const MAC_CHARS = 24
/** 72 bits in Base64url: enough to tell one user's rooms apart. */
const ROOM_KEY_CHARS = 12
const PARTS = 9
const PARTS_WITH_PRESENCE = 10
/** Tokens whose MAC is known to be right: one poll shows the same one up to three times, and it is the one that the poll before was given. */
const MAX_KNOWN_TOKENS = 2048

/** What one configuration makes and checks tokens with. */
interface Tokens {
  readonly key: Buffer
  readonly known: Map<string, SyncToken>
}

const tokensByConfig = new WeakMap<Config, Tokens>()

function tokensOf(config: Config): Tokens {
  let tokens = tokensByConfig.get(config)
  if (tokens === undefined) {
    tokens = { key: deriveKey(config, 'sync-token/1'), known: new Map() }
    tokensByConfig.set(config, tokens)
  }
  return tokens
}

function remember({ known }: Tokens, name: string, token: SyncToken): void {
  known.set(name, token)
  if (known.size <= MAX_KNOWN_TOKENS) return
  const oldest = known.keys().next()
  if (!oldest.done) known.delete(oldest.value)
}

function nameOf(userId: string, deviceId: string, text: string): string {
  return JSON.stringify([userId, deviceId, text])
}

function macOf({ key }: Tokens, userId: string, deviceId: string, body: string): Buffer {
  const mac = createHmac('sha256', key).update(JSON.stringify([body, userId, deviceId]))
  return Buffer.from(mac.digest('base64url').slice(0, MAC_CHARS), 'latin1')
}

/** What stands for a room in a token. */
export function roomKey(roomId: string): string {
  return Buffer.from(sha256(roomId)).toString('base64url').slice(0, ROOM_KEY_CHARS)
}

/** The text of a position for one device of one user. */
export function formatSyncToken(config: Config, userId: string, deviceId: string, token: SyncToken): string {
  const numbers = [token.seq, token.durable, token.toDevice, token.accountData, token.deviceLists].map((part) => part.toString(36))
  const held = [...token.held].map(([key, seq]) => `${key}~${seq.toString(36)}`).join(',')
  const presence = token.presence === undefined ? [] : [token.presence.toString(36)]
  const body = ['s1', token.boot, ...numbers, held, ...presence].join('.')
  const tokens = tokensOf(config)
  const text = `${body}.${macOf(tokens, userId, deviceId, body).toString('latin1')}`
  remember(tokens, nameOf(userId, deviceId, text), token)
  return text
}

/** The position that a client presents. @throws MatrixError M_UNKNOWN_POS for anything that was not issued to this device of this user. */
export function parseSyncToken(config: Config, userId: string, deviceId: string, text: string): SyncToken {
  if (text.length > MAX_TOKEN_CHARS) throw unknownPos()
  const tokens = tokensOf(config)
  const name = nameOf(userId, deviceId, text)
  const known = tokens.known.get(name)
  if (known !== undefined) return known
  const token = checkToken(tokens, userId, deviceId, text)
  remember(tokens, name, token)
  return token
}

function checkToken(tokens: Tokens, userId: string, deviceId: string, text: string): SyncToken {
  const parts = text.split('.')
  const bodyLength = text.length - MAC_CHARS - 1
  const given = Buffer.from(parts.at(-1) ?? '', 'utf8')
  const hasPresence = parts.length === PARTS_WITH_PRESENCE
  if ((parts.length !== PARTS && !hasPresence) || parts[0] !== 's1' || given.length !== MAC_CHARS || bodyLength <= 0) throw unknownPos()
  if (!timingSafeEqual(given, macOf(tokens, userId, deviceId, text.slice(0, bodyLength)))) throw unknownPos()
  const [, boot = '', seq, durable, toDevice, accountData, deviceLists, held = '', presence] = parts
  return {
    boot,
    seq: parseNumber(seq),
    durable: parseNumber(durable),
    toDevice: parseNumber(toDevice),
    accountData: parseNumber(accountData),
    deviceLists: parseNumber(deviceLists),
    held: parseHeld(held),
    ...(hasPresence ? { presence: parseNumber(presence) } : {}),
  }
}

function parseNumber(text: string | undefined): number {
  const value = text === undefined || !/^[0-9a-z]{1,11}$/.test(text) ? Number.NaN : Number.parseInt(text, 36)
  if (!Number.isSafeInteger(value)) throw unknownPos()
  return value
}

function parseHeld(text: string): ReadonlyMap<string, number> {
  if (text === '') return new Map()
  return new Map(
    text.split(',').map((entry): [string, number] => {
      const [key = '', seq] = entry.split('~')
      return [key, parseNumber(seq)]
    }),
  )
}
