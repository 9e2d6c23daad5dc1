import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { objectsOf } from '../objects.ts'
import type { PullReply } from '../protocol.ts'
import { takeHint } from './hints.ts'
import type { SyncToken } from './sync-token.ts'
import { healUnread } from './unread-heal.ts'
import type { UserCore } from './user-core.ts'

/** Rooms asked at once. */
const PULLS_AT_ONCE = 50
/** A sync does not wait longer than this for rooms to say where they are; their answers count when they come. */
const PULL_TIMEOUT_MS = 3_000

/**
 * What must happen before a plan can be made for a token: rooms that may have stopped ringing are asked, and if hints were lost with an earlier
 * life of the object, or the client starts from nothing, every joined room is, once per life. Returns without waiting where there is nothing to
 * ask. Rooms that do not answer in time stay marked, and are asked at the next sync; nothing is lost meanwhile, it only comes later.
 */
export async function prepareSync(core: UserCore, since: SyncToken | undefined, requestId: string): Promise<void> {
  const { feedKeeper } = core
  feedKeeper.notePoll(nowMs())
  if (feedKeeper.mustResume(since)) {
    feedKeeper.resumption ??= resume(core, requestId)
    await feedKeeper.resumption
    return healUnread(core, requestId)
  }
  await pullDirty(core, requestId)
  await healUnread(core, requestId)
}

/** Asks rooms that may have stopped ringing. */
export async function pullDirty(core: UserCore, requestId: string): Promise<void> {
  const dirty = core.feedKeeper.feed.rooms.dirtyRoomIds()
  if (dirty.length > 0) await pullRooms(core, dirty, requestId)
}

async function resume(core: UserCore, requestId: string): Promise<void> {
  const { feedKeeper } = core
  const { rooms } = feedKeeper.feed
  const joined = rooms.all().flatMap((row) => (row.membership === 'join' ? [row.roomId] : []))
  for (const roomId of joined) rooms.askAgain(roomId)
  await pullRooms(core, joined, requestId)
  feedKeeper.isResumed = true
}

async function pullRooms(core: UserCore, roomIds: readonly string[], requestId: string): Promise<void> {
  const queue = roomIds.values()
  const workers = Array.from({ length: Math.min(PULLS_AT_ONCE, roomIds.length) }, async () => {
    for (const roomId of queue) await pull(core, roomId, requestId)
  })
  await withTimeout(Promise.all(workers), PULL_TIMEOUT_MS)
  core.feedKeeper.flushSoon()
}

/** Asks one room. It re-arms its hints in the turn in which it answers, so that nothing falls between. */
async function pull(core: UserCore, roomId: string, requestId: string): Promise<void> {
  try {
    const reply: PullReply = await objectsOf(core.env, requestId)
      .room(roomId)
      .pull(core.userId, core.feedKeeper.feed.rooms.find(roomId)?.unreadPos)
    if (reply.member) takeHint(core, { roomId, generation: reply.generation, head: reply.head, news: reply.news })
    core.feedKeeper.feed.clearDirty(roomId, reply.member ? 'pulled' : 'asked')
  } catch (cause) {
    log.warn('a room did not say where it is', cause)
  }
}

async function withTimeout(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([work, timeout])
  clearTimeout(timer)
}
