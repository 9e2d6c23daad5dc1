import { unknownPos } from '../../matrix/errors.ts'
import type { Config } from '../../runtime/config.ts'
import { formatSyncToken, parseSyncToken, roomKey, type SyncToken } from './sync-token.ts'

/** A position of sliding sync: a sync token in which `toDevice` is the number of the answer, behind the name of the connection's life. */
export interface SlidingToken {
  readonly nonce: string
  readonly answer: number
  readonly sync: SyncToken
  /** Up to where in the feed the client knows who came and went, where that is less than `sync.seq`. */
  readonly memberSeq?: number | undefined
  /** Position among changes of thread subscriptions, where the client has been told of any. */
  readonly threads?: number | undefined
}

const SEPARATOR = '~'
const MEMBER_SEQ = '*'
const THREADS = '-'

/** The text of a position. */
export function formatSlidingToken(config: Config, userId: string, deviceId: string, token: SlidingToken): string {
  const { nonce, answer, memberSeq } = token
  const members = memberSeq === undefined || memberSeq >= token.sync.seq ? '' : `${MEMBER_SEQ}${memberSeq}`
  const head = `${nonce}${members}${token.threads === undefined ? '' : `${THREADS}${token.threads}`}`
  const sync = formatSyncToken(config, userId, bound(deviceId, head), { ...token.sync, toDevice: answer })
  return `${head}${SEPARATOR}${sync}`
}

/** A position that a client presents. @throws MatrixError M_UNKNOWN_POS for anything that was not issued to this device of this user. */
export function parseSlidingToken(config: Config, userId: string, deviceId: string, text: string): SlidingToken {
  const at = text.indexOf(SEPARATOR)
  if (at <= 0) throw unknownPos()
  const head = text.slice(0, at)
  // Nothing before the separator is believed until the MAC, which covers it, has been checked.
  const sync = parseSyncToken(config, userId, bound(deviceId, head), text.slice(at + 1))
  const [front = '', threads] = head.split(THREADS)
  const [nonce = '', memberSeq] = front.split(MEMBER_SEQ)
  const optional = {
    ...(memberSeq === undefined ? {} : { memberSeq: Number(memberSeq) }),
    ...(threads === undefined ? {} : { threads: Number(threads) }),
  }
  return { nonce, answer: sync.toDevice, sync, ...optional }
}

/** Whether a text has the form of a position of sliding sync: pagination tokens of rooms have the same separator, but no sync token behind it. */
export function isSlidingToken(text: string): boolean {
  return text.includes(`${SEPARATOR}s1.`)
}

/** Whether a position says that a room could not be asked. */
export function isHeldBy({ sync }: SlidingToken): (roomId: string) => boolean {
  return (roomId) => sync.held.size > 0 && sync.held.has(roomKey(roomId))
}

/** A position belongs to a connection of a device. */
function bound(deviceId: string, head: string): string {
  return JSON.stringify(['sliding', deviceId, head])
}
