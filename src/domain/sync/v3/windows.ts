import type { Caller, PlannedRoom, RoomWindow, SyncPlan, WindowRequest } from '../../../durable/protocol.ts'
import { log } from '../../../runtime/log.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import type { RequestContext } from '../../context.ts'

/** Rooms that one request asks at once. */
const WINDOWS_AT_ONCE = 100

/** How a client wants its response, as far as rooms are concerned. */
export interface WindowOptions {
  readonly fullState: boolean
  readonly useStateAfter: boolean
}

/** What rooms answered, by room ID; `undefined` for rooms that could not be asked. Rooms that need not be asked are absent. */
export type Windows = ReadonlyMap<string, RoomWindow | undefined>

/** Asks the rooms of a plan for their part, in parallel and within bounds. Never throws for a room. */
export async function askRooms(ctx: RequestContext, plan: SyncPlan, options: WindowOptions): Promise<Windows> {
  const windows = new Map<string, RoomWindow | undefined>()
  const caller: Caller = { userId: plan.userId, deviceId: plan.deviceId, requestId: ctx.requestId }
  const queue = plan.rooms.filter((room) => hasWindow(room, options)).values()
  const workers = Array.from({ length: Math.min(WINDOWS_AT_ONCE, plan.rooms.length) }, async () => {
    for (const room of queue) windows.set(room.roomId, await askRoom(ctx, caller, room, windowRequest(plan, room, options)))
  })
  await Promise.all(workers)
  return windows
}

function hasWindow(room: PlannedRoom, { fullState }: WindowOptions): boolean {
  return (room.section === 'join' || room.section === 'leave') && (fullState || room.from !== room.to)
}

function windowRequest(plan: SyncPlan, room: PlannedRoom, { fullState, useStateAfter }: WindowOptions): WindowRequest {
  return {
    from: room.from,
    to: room.to,
    section: room.section === 'leave' ? 'leave' : 'join',
    fullState,
    useStateAfter,
    withMemberChanges: plan.incremental,
    filter: plan.roomFilter,
    ignoredUsers: plan.ignoredUsers,
  }
}

/** One room's answer. A room whose object ended meanwhile is asked once more. */
async function askRoom(
  ctx: RequestContext,
  caller: Caller,
  { roomId }: PlannedRoom,
  request: WindowRequest,
): Promise<RoomWindow | undefined> {
  for (const isLast of [false, true]) {
    try {
      const outcome: Outcome<RoomWindow> = await ctx.objects.room(roomId).window(caller, request)
      if (outcome.ok) return outcome.value
      log.warn(`a room refused its part of a sync: ${outcome.error.errcode}`)
      return undefined
    } catch (cause) {
      if (isLast) log.warn('a room could not be asked for its part of a sync', cause)
    }
  }
  return undefined
}
