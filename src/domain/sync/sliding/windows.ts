import type { Caller, MemberChanges } from '../../../durable/protocol.ts'
import type { SlidingPlan, SlidingWindow } from '../../../durable/sliding-protocol.ts'
import { log } from '../../../runtime/log.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import type { RequestContext } from '../../context.ts'

/** Rooms that one request asks at once. */
const ROOMS_AT_ONCE = 100

/** What rooms answered, by room ID; `undefined` for rooms that could not be asked. Rooms that need not be asked are absent. */
export type SlidingWindows = ReadonlyMap<string, SlidingWindow | undefined>

/** Asks the rooms of a plan for their part, in parallel and within bounds. Never throws for a room. */
export async function askRooms(ctx: RequestContext, plan: SlidingPlan): Promise<SlidingWindows> {
  const { connection, acknowledged, answer, ignoredUsers } = plan
  const caller = callerOf(ctx, plan)
  const windows = new Map<string, SlidingWindow | undefined>()
  await inParallel(plan.rooms, async ({ roomId, window }) => {
    if (window === undefined) return
    const request = { ...window, connection: `${plan.deviceId} ${connection}`, acknowledged, answer, ignoredUsers }
    windows.set(roomId, await askTwice(() => ctx.objects.room(roomId).slidingWindow(caller, request)))
  })
  return windows
}

/** Asks rooms whose memberships moved who came and went. A room that cannot be asked fails the response: nobody's keys may be missed. */
export async function askMoved(ctx: RequestContext, plan: SlidingPlan): Promise<{ readonly memberChanges: MemberChanges | undefined }[]> {
  const caller = callerOf(ctx, plan)
  const changes: { readonly memberChanges: MemberChanges | undefined }[] = []
  await inParallel(plan.e2ee?.moved ?? [], async ({ roomId, from, to }) => {
    const outcome = await ctx.objects.room(roomId).memberChanges(caller, from, to)
    if (outcome.ok) changes.push({ memberChanges: outcome.value })
  })
  return changes
}

function callerOf(ctx: RequestContext, { userId, deviceId }: SlidingPlan): Caller {
  return { userId, deviceId, requestId: ctx.requestId }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const workers = Array.from({ length: Math.min(ROOMS_AT_ONCE, items.length) }, async () => {
    for (const item of queue) await work(item)
  })
  await Promise.all(workers)
}

/** One room's answer. A room whose object ended meanwhile is asked once more. */
async function askTwice(ask: () => Promise<Outcome<SlidingWindow>>): Promise<SlidingWindow | undefined> {
  for (const isLast of [false, true]) {
    try {
      const outcome = await ask()
      if (outcome.ok) return outcome.value
      log.warn(`a room refused its part of a sliding sync: ${outcome.error.errcode}`)
      return undefined
    } catch (cause) {
      if (isLast) log.warn('a room could not be asked for its part of a sliding sync', cause)
    }
  }
  return undefined
}
