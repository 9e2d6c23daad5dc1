import type { ParkRequest, SyncPlan, SyncRequest } from '../../../durable/sync-protocol.ts'
import { roomKey } from '../../../durable/user/sync-token.ts'
import type { PresenceState } from '../../../matrix/presence.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import type { RequestContext } from '../../context.ts'
import { deviceLists } from '../../e2ee/device-lists.ts'
import { nextBatchHolding } from './held-rooms.ts'
import { waitParked } from './park.ts'
import { renderEmptySync, renderSync, type StateKey } from './response.ts'
import { askRooms, type EarlyWindows, pullRooms, pullsOf, type WindowOptions } from './windows.ts'

/** Longest wait, whatever the client asks for: below the time after which proxies give up. */
export const MAX_SYNC_TIMEOUT_MS = 30_000
/** Times that one request is woken before it answers, with nothing new if need be. */
const MAX_ROUNDS = 100

/** A client's poll (client-server-api `GET /sync`). */
export interface SyncOptions {
  readonly since: string | undefined
  readonly timeoutMs: number
  readonly fullState: boolean
  readonly stateKey: StateKey
  /** A filter's ID, or a filter as JSON. */
  readonly filter: string | undefined
  /** What the device wants to be shown as. */
  readonly setPresence: PresenceState | undefined
}

/**
 * The response to a poll, as JSON. Waits while there is nothing to tell, also where the client's filter or the rooms themselves leave nothing of
 * what happened.
 * @throws MatrixError M_UNKNOWN_POS for a token that was not issued to this device, and whatever the account refuses with.
 */
export async function sync(ctx: RequestContext, options: SyncOptions): Promise<string> {
  const { stateKey, fullState, filter, setPresence } = options
  const useStateAfter = stateKey !== 'state'
  const mayWait = options.since !== undefined && !fullState
  const deadlineMs = nowMs() + (mayWait ? Math.min(options.timeoutMs, MAX_SYNC_TIMEOUT_MS) : 0)
  let { since } = options
  for (let round = 0; ; round += 1) {
    const leftMs = deadlineMs - nowMs()
    const isFirst = round === 0
    const next =
      since !== undefined && leftMs > 0 && round < MAX_ROUNDS
        ? await wait(ctx, { since, fullState, filter, setPresence }, leftMs, isFirst)
        : undefined
    if (next?.kind === 'again') continue
    if (next?.kind === 'over') return renderEmptySync(next.nextBatch, next.keyCounts)
    const windowOptions = { fullState, useStateAfter }
    const planned =
      next === undefined
        ? await planNow(ctx, { since, fullState, filter, setPresence }, windowOptions)
        : { plan: next.plan, early: undefined }
    const { plan } = planned
    const windows = await askRooms(ctx, plan, windowOptions, planned.early)
    const nextBatch = nextBatchHolding(ctx.config, plan, windows)
    const { json, hasNews } = renderSync(plan, windows, await deviceLists(ctx, plan, windows.values()), nextBatch, stateKey)
    if (hasNews || !mayWait || deadlineMs <= nowMs() || round >= MAX_ROUNDS) return json
    since = nextBatch
  }
}

/** A plan, and what rooms have said already because the account had to know where they are. */
interface Planned {
  readonly plan: SyncPlan
  readonly early: EarlyWindows | undefined
}

async function planNow(ctx: RequestContext, request: SyncRequest, options: WindowOptions): Promise<Planned> {
  try {
    const plan = unwrap(await ctx.session.sync(request))
    if (!plan.mustPull) return { plan, early: undefined }
    const early = await pullRooms(ctx, plan, options)
    return { plan: unwrap(await ctx.session.sync({ ...request, pulls: pullsOf(early) })), early }
  } finally {
    ctx.close()
  }
}

function wait(ctx: RequestContext, request: SyncRequest & { readonly since: string }, timeoutMs: number, isFirst: boolean) {
  // One client polls again and again with the same filter; two that share a device usually differ in it.
  const connectionId = request.filter === undefined ? 'v3' : `v3/${roomKey(request.filter)}`
  const parkRequest: ParkRequest = { ...request, connectionId, retryHeld: isFirst }
  return waitParked(ctx, parkRequest, timeoutMs, isFirst)
}
