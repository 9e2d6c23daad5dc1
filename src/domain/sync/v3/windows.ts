import type { Caller } from '../../../durable/protocol.ts'
import type { BroughtPull, PlannedRoom, PulledWindow, RoomWindow, SyncPlan, WindowRequest } from '../../../durable/sync-protocol.ts'
import { log } from '../../../runtime/log.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import { inTurns } from '../../../runtime/turns.ts'
import type { RequestContext } from '../../context.ts'

/** Rooms that one request asks at once, before other requests have their turn: about 200 ms where none of the rooms is in memory. */
const WINDOWS_AT_ONCE = 50
/** Characters of events of which accounts are told what was unread, in one go. */
const MAX_UNREAD_CHARS = 4 * 1024 * 1024

/** How a client wants its response, as far as rooms are concerned. */
export interface WindowOptions {
  readonly fullState: boolean
  readonly useStateAfter: boolean
}

/** What rooms answered, by room ID; `undefined` for rooms that could not be asked. Rooms that need not be asked are absent. */
export type Windows = ReadonlyMap<string, RoomWindow | undefined>

/** What rooms have said before the plan was final, by room ID: of those that are still there when it is, nothing more need be asked. */
export type EarlyWindows = ReadonlyMap<string, PulledWindow>

/** Asks the rooms of a plan for their part, in parallel and within bounds. Never throws for a room. */
export async function askRooms(ctx: RequestContext, plan: SyncPlan, options: WindowOptions, early?: EarlyWindows): Promise<Windows> {
  const windows = new Map<string, RoomWindow | undefined>()
  const caller = callerOf(ctx, plan)
  await inTurns(
    plan.rooms.filter((room) => hasWindow(room, options)),
    WINDOWS_AT_ONCE,
    async (room) => {
      const before = early?.get(room.roomId)
      const isFinal = before?.pulled.member === true && room.from === null && room.to === before.pulled.head
      const request = windowRequest(plan, room, options)
      const window = isFinal ? before.window : await askTwice(() => ctx.objects.room(room.roomId).window(caller, request))
      windows.set(room.roomId, window)
    },
  )
  return windows
}

/** Asks the rooms of a plan that is not final (`mustPull`) for their part, and where they are. */
export async function pullRooms(ctx: RequestContext, plan: SyncPlan, options: WindowOptions): Promise<EarlyWindows> {
  const early = new Map<string, PulledWindow>()
  const caller = callerOf(ctx, plan)
  await inTurns(
    plan.rooms.filter(({ section }) => section === 'join'),
    WINDOWS_AT_ONCE,
    async (room) => {
      const request = windowRequest(plan, room, options)
      const answer = await askTwice(() => ctx.objects.room(room.roomId).pulledWindow(caller, request, room.unreadPos ?? 0))
      if (answer !== undefined) early.set(room.roomId, answer)
    },
  )
  return early
}

/** What the account has to hear of what rooms said. Too much about what is unread is left out: the account asks for that itself. */
export function pullsOf(early: EarlyWindows): BroughtPull[] {
  let chars = 0
  return [...early].map(([roomId, { pulled }]) => {
    const items = pulled.news?.unread?.items ?? []
    for (const item of items) chars += item.kind === 'event' ? item.event.length : 0
    const news = pulled.news && (chars > MAX_UNREAD_CHARS ? { ...pulled.news, unread: undefined } : pulled.news)
    return { roomId, reply: { ...pulled, news } }
  })
}

function callerOf(ctx: RequestContext, { userId, deviceId }: SyncPlan): Caller {
  return { userId, deviceId, requestId: ctx.requestId }
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
async function askTwice<T>(ask: () => Promise<Outcome<T>>): Promise<T | undefined> {
  for (const isLast of [false, true]) {
    try {
      const outcome = await ask()
      if (outcome.ok) return outcome.value
      log.warn(`a room refused its part of a sync: ${outcome.error.errcode}`)
      return undefined
    } catch (cause) {
      if (isLast) log.warn('a room could not be asked for its part of a sync', cause)
    }
  }
  return undefined
}
