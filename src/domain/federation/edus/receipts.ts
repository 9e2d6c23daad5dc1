import type { RemoteReceipt } from '../../../durable/room/federation/remote-ephemeral.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { isJsonObject, type JsonValue } from '../../../matrix/json.ts'
import type { EduHandler } from './receive-edus.ts'
import { inRooms } from './rooms.ts'

/** Receipts of one transaction; further ones are left out. */
const MAX_RECEIPTS = 1_000

/** Receipts (server-server-api#receipts). Which of them count, the room decides: membership, access control list, event, thread. */
export const receiveReceipts: EduHandler = async (ctx, serverName, edus) => {
  const byRoom = new Map<string, RemoteReceipt[]>()
  let count = 0
  for (const { content } of edus) {
    for (const [roomId, kinds] of Object.entries(content)) {
      if (!isJsonObject(kinds) || !isJsonObject(kinds['m.read'])) continue
      for (const [userId, value] of Object.entries(kinds['m.read'])) {
        const receipt = parseUserId(userId)?.serverName === serverName ? readReceipt(userId, value) : undefined
        if (receipt === undefined || count >= MAX_RECEIPTS) continue
        count += 1
        byRoom.set(roomId, [...(byRoom.get(roomId) ?? []), receipt])
      }
    }
  }
  await inRooms(ctx, byRoom, (room, receipts) => room.remoteReceipts(serverName, receipts))
  return true
}

function readReceipt(userId: string, value: JsonValue | undefined): RemoteReceipt | undefined {
  if (!isJsonObject(value) || !Array.isArray(value.event_ids)) return undefined
  const [eventId] = value.event_ids
  const data = isJsonObject(value.data) ? value.data : {}
  if (typeof eventId !== 'string') return undefined
  const { ts, thread_id: thread } = data
  return {
    userId,
    eventId,
    ts: typeof ts === 'number' && Number.isSafeInteger(ts) && ts >= 0 ? ts : undefined,
    thread: typeof thread === 'string' ? thread : undefined,
  }
}
