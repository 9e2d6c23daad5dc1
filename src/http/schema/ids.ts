import * as z from 'zod'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import { isUserId } from '../../matrix/ids/user-id.ts'

/** A Matrix user ID of any server. */
export const userId = z.string().refine(isUserId, 'must be a user ID')

/** A room ID of either form. */
export const roomId = z.string().refine(isRoomId, 'must be a room ID')
