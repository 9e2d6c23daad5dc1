import { invalidParam, notFound } from '../../matrix/errors.ts'
import { isRoomAlias } from '../../matrix/ids/room-alias.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'

/** A text that must be a room ID. @throws MatrixError M_INVALID_PARAM. */
export function requireRoomId(text: string): string {
  if (!isRoomId(text)) throw invalidParam('That is not a room ID')
  return text
}

/** The room that an ID or alias names. @throws MatrixError M_INVALID_PARAM; M_NOT_FOUND for aliases, of which there are none yet. */
export function roomIdOf(idOrAlias: string): string {
  if (isRoomAlias(idOrAlias)) throw notFound('That room alias does not exist')
  return requireRoomId(idOrAlias)
}
