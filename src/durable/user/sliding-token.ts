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
}

const SEPARATOR = '~'
const MEMBER_SEQ = '*'

/** The text of a position. */
export function formatSlidingToken(config: Config, userId: string, deviceId: string, token: SlidingToken): string {
  const { nonce, answer, memberSeq } = token
  const head = memberSeq === undefined || memberSeq >= token.sync.seq ? nonce : `${nonce}${MEMBER_SEQ}${memberSeq}`
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
  const [nonce = '', memberSeq] = head.split(MEMBER_SEQ)
  return { nonce, answer: sync.toDevice, sync, ...(memberSeq === undefined ? {} : { memberSeq: Number(memberSeq) }) }
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
