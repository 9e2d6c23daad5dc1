import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { objectsOf } from '../objects.ts'
import type { PullReply } from '../protocol.ts'
import type { BroughtPull } from '../sync-protocol.ts'
import { takeHint } from './hints.ts'
import type { SyncToken } from './sync-token.ts'
import { healUnread } from './unread-heal.ts'
import type { UserCore } from './user-core.ts'

/** Rooms asked at once. */
const PULLS_AT_ONCE = 50
/** A sync does not wait longer than this for rooms to say where they are; their answers count when they come. */
const PULL_TIMEOUT_MS = 3_000
/** Rooms that are asked what an earlier life of the object may have lost. */
const MAX_RESUMED_ROOMS = 200

/**
 * What must happen before a plan can be made for a token: rooms that may have stopped ringing are asked, and if hints were lost with an earlier
 * life of the object, those in which something happened lately, once per life. Returns without waiting where there is nothing to ask. Rooms that do not
 * answer in time stay marked, and are asked at the next sync; nothing is lost meanwhile, it only comes later.
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

/** Takes what rooms have said to a Worker that asked them for a client which starts from nothing: none need be asked again in this life. */
export async function takePulls(core: UserCore, pulls: readonly BroughtPull[], requestId: string): Promise<void> {
  for (const { roomId, reply } of pulls) takePull(core, roomId, reply)
  core.feedKeeper.isResumed = true
  core.feedKeeper.flushSoon()
  await healUnread(core, requestId)
}

/** Asks rooms that may have stopped ringing. */
export async function pullDirty(core: UserCore, requestId: string): Promise<void> {
  const dirty = core.feedKeeper.feed.rooms.dirtyRoomIds()
  if (dirty.length > 0) await pullRooms(core, dirty, requestId)
}

/**
 * What was lost is known to the rooms where it happened, which bring it by themselves within half a minute. Those that were active last are asked,
 * so that it comes at once where somebody may look; an account of thousands of rooms does not wake all of them.
 */
async function resume(core: UserCore, requestId: string): Promise<void> {
  const { feedKeeper, roomOrder } = core
  const { rooms } = feedKeeper.feed
  const joined = roomOrder.view('joined', [], ({ membership }) => membership === 'join').slice(0, MAX_RESUMED_ROOMS)
  const lately = joined.map(({ roomId }) => roomId)
  for (const roomId of lately) rooms.askAgain(roomId)
  await pullRooms(core, [...new Set([...lately, ...rooms.dirtyRoomIds()])], requestId)
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
    takePull(core, roomId, reply)
  } catch (cause) {
    log.warn('a room did not say where it is', cause)
  }
}

function takePull(core: UserCore, roomId: string, reply: PullReply): void {
  if (reply.member) takeHint(core, { roomId, generation: reply.generation, head: reply.head, news: reply.news })
  core.feedKeeper.feed.clearDirty(roomId, reply.member ? 'pulled' : 'asked')
}

async function withTimeout(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([work, timeout])
  clearTimeout(timer)
}
