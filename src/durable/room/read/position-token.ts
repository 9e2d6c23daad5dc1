import { invalidParam } from '../../../matrix/errors.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import type { RoomCore } from '../room-core.ts'

/**
 * Pagination tokens of a room: `p<ord in base 36>~<generation>`. They name a place between events and reveal nothing; the generation
 * ties them to one life of one room, so that a token of another room is refused rather than misread (R9).
 */
export function formatPositionToken(core: RoomCore, ord: number): string {
  return `p${ord.toString(36)}~${core.head.generation}`
}

/** The place that a token names. @throws MatrixError M_INVALID_PARAM for anything that this room never issued. */
export function parsePositionToken(core: RoomCore, token: string): number {
  const match = /^p([0-9a-z]{1,11})~([A-Za-z0-9]{1,32})$/.exec(token)
  const ord = match?.[1] === undefined ? Number.NaN : Number.parseInt(match[1], 36)
  // Nothing is issued beyond the next position, not by earlier lives of the object either.
  const isIssued = Number.isSafeInteger(ord) && ord <= (core.nextPos + 1) * ORD_STEP
  if (!isIssued || match?.[2] !== core.head.generation) throw invalidParam('That token is not of this room')
  return ord
}
