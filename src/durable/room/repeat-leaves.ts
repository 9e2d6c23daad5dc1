import { log } from '../../runtime/log.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import type { CommitQueue } from './append/commit-queue.ts'
import type { Draft } from './append/draft.ts'
import { changeMembership } from './membership.ts'
import type { RoomCore } from './room-core.ts'

/** Leaves repeated after one commit. */
const MAX_REPEATED = 100

/**
 * Whether a user of this server, whom current state has just come to call joined by an old event, had left by themselves after that: other servers have not heard of it, because nothing
 * that they know builds on the leave. Only this server makes its users join, so what is older than their leave is out of date.
 * @param pos the position at which current state moved.
 */
export function hadLeftSince(core: RoomCore, userId: string, joined: StoredEvent, pos: number): boolean {
  if (joined.pos === undefined || joined.pos >= pos) return false
  const kid = core.keys.find('m.room.member', userId)
  const earlier = kid === undefined ? [] : core.state.history(kid).filter(({ newNid }) => newNid !== 0 && newNid !== joined.nid)
  const last = earlier.at(-1)
  const event = last === undefined ? undefined : core.events.get(last.newNid)
  if (event?.pos === undefined || event.pos <= joined.pos || event.sender !== userId) return false
  return core.roomEvent(event, core.roomId).content.membership === 'leave'
}

/** Has users leave once more who had left before, now on what other servers know. What is cut off leaves them joined, as other servers take them to be, until they leave again. */
export function repeatLeaves(core: RoomCore, queue: CommitQueue, { leftBefore = [] }: Draft): void {
  for (const userId of leftBefore.slice(0, MAX_REPEATED)) core.ctx.waitUntil(leaveAgain(core, queue, userId))
}

async function leaveAgain(core: RoomCore, queue: CommitQueue, userId: string): Promise<void> {
  const caller = { userId, deviceId: undefined, requestId: 'left-before' }
  const leave = { action: 'leave', target: userId, content: {}, ownContent: false } as const
  const outcome = await changeMembership(core, queue, caller, leave)
  if (!outcome.ok) log.warn(`a user who had left is joined again, and could not leave once more: ${outcome.error.errcode}`)
}
