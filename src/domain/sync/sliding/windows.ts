import type { Caller, MemberChanges } from '../../../durable/protocol.ts'
import type { MovedMembers, SlidingPlan, SlidingWindow } from '../../../durable/sliding-protocol.ts'
import { log } from '../../../runtime/log.ts'
import { type Outcome, success } from '../../../runtime/outcome.ts'
import { inTurns } from '../../../runtime/turns.ts'
import type { RequestContext } from '../../context.ts'

/** Rooms that one request asks at once, before other requests have their turn. */
const ROOMS_AT_ONCE = 50

/** What rooms answered, by room ID; `undefined` for rooms that could not be asked. Rooms that need not be asked are absent. */
export type SlidingWindows = ReadonlyMap<string, SlidingWindow | undefined>

/** Asks the rooms of a plan for their part, in parallel and within bounds. Never throws for a room. */
export async function askRooms(ctx: RequestContext, plan: SlidingPlan): Promise<SlidingWindows> {
  const { connection, acknowledged, answer, ignoredUsers } = plan
  const caller = callerOf(ctx, plan)
  const windows = new Map<string, SlidingWindow | undefined>()
  await inTurns(plan.rooms, ROOMS_AT_ONCE, async ({ roomId, window }) => {
    if (window === undefined) return
    const request = { ...window, connection: `${plan.deviceId} ${connection}`, acknowledged, answer, ignoredUsers }
    windows.set(roomId, await askTwice(() => ctx.objects.room(roomId).slidingWindow(caller, request)))
  })
  return windows
}

/** Who came and went, and rooms that could not be asked. */
export interface MovedAnswers {
  readonly changes: readonly { readonly memberChanges: MemberChanges | undefined }[]
  readonly failed: readonly MovedMembers[]
}

/** Asks rooms whose memberships moved who came and went. Never throws for a room: the client hears later of those that could not be asked. */
export async function askMoved(ctx: RequestContext, plan: SlidingPlan): Promise<MovedAnswers> {
  const caller = callerOf(ctx, plan)
  const changes: { readonly memberChanges: MemberChanges | undefined }[] = []
  const failed: MovedMembers[] = []
  await inTurns(plan.e2ee?.moved ?? [], ROOMS_AT_ONCE, async (moved) => {
    const { roomId, from, to } = moved
    const answer = await askTwice(async () => {
      const outcome = await ctx.objects.room(roomId).memberChanges(caller, from, to)
      return outcome.ok ? success({ memberChanges: outcome.value }) : outcome
    })
    if (answer === undefined) failed.push(moved)
    else changes.push(answer)
  })
  return { changes, failed }
}

function callerOf(ctx: RequestContext, { userId, deviceId }: SlidingPlan): Caller {
  return { userId, deviceId, requestId: ctx.requestId }
}

/** One room's answer. A room whose object ended meanwhile is asked once more. */
async function askTwice<T extends object>(ask: () => Promise<Outcome<T>>): Promise<T | undefined> {
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
