import type { RemoteTyping } from '../../../durable/room/federation/remote-ephemeral.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import type { EduHandler } from './receive-edus.ts'
import { inRooms } from './rooms.ts'

/** Who types (server-server-api#typing-notifications). Whether they may, the room decides: membership, access control list. */
export const receiveTyping: EduHandler = async (ctx, serverName, edus) => {
  const byRoom = new Map<string, RemoteTyping[]>()
  for (const { content } of edus) {
    const { room_id: roomId, user_id: userId, typing } = content
    if (typeof roomId !== 'string' || typeof userId !== 'string' || typeof typing !== 'boolean') continue
    if (parseUserId(userId)?.serverName !== serverName) continue
    byRoom.set(roomId, [...(byRoom.get(roomId) ?? []), { userId, typing }])
  }
  await inRooms(ctx, byRoom, (room, changes) => room.remoteTyping(serverName, changes))
  return true
}
