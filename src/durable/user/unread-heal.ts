import { log } from '../../runtime/log.ts'
import { objectsOf } from '../objects.ts'
import { takeHint } from './hints.ts'
import type { UserCore } from './user-core.ts'

/** Rooms asked at once, and altogether for one request; the rest waits for the next. */
const ROOMS_AT_ONCE = 50
const MAX_ROOMS = 1_000
/** A sync does not wait longer than this for counts; until a room has answered they are those of before. */
const TIMEOUT_MS = 3_000

/** Asks rooms of whose events this user has not heard everything, so that unread counts are right. Returns without waiting where there are none. */
export async function healUnread(core: UserCore, requestId: string): Promise<void> {
  const { behind } = core.unread
  if (behind.size === 0) return
  const queue = [...behind].slice(0, MAX_ROOMS).values()
  const workers = Array.from({ length: Math.min(ROOMS_AT_ONCE, behind.size) }, async () => {
    for (const roomId of queue) await ask(core, roomId, requestId)
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, TIMEOUT_MS)
  })
  await Promise.race([Promise.all(workers), timeout])
  clearTimeout(timer)
  core.feedKeeper.flushSoon()
}

async function ask(core: UserCore, roomId: string, requestId: string): Promise<void> {
  const from = core.feedKeeper.feed.rooms.find(roomId)?.unreadPos ?? 0
  try {
    const outcome = await objectsOf(core.env, requestId).room(roomId).unreadSince(core.userId, from)
    if (!outcome.ok) return log.warn(`a room refused to say what is unread: ${outcome.error.errcode}`)
    const { generation, head } = outcome.value
    takeHint(core, { roomId, generation, head }, outcome.value)
  } catch (cause) {
    log.warn('a room did not say what is unread', cause)
  }
}
