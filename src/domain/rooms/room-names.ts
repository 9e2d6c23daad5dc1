import { invalidParam } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'

/** A text that must be a room ID. @throws MatrixError M_INVALID_PARAM. */
export function requireRoomId(text: string): string {
  if (!isRoomId(text)) throw invalidParam('That is not a room ID')
  return text
}
