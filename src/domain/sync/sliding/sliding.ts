import type { MovedMembers, SlidingPlan, SlidingRequest } from '../../../durable/sliding-protocol.ts'
import { movedKey } from '../../../durable/user/sliding-moved.ts'
import { formatSlidingToken, parseSlidingToken } from '../../../durable/user/sliding-token.ts'
import { MAX_HELD_ROOMS, roomKey } from '../../../durable/user/sync-token.ts'
import { unknownError } from '../../../matrix/errors.ts'
import { nowMs } from '../../../runtime/clock.ts'
import type { Config } from '../../../runtime/config.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import type { RequestContext } from '../../context.ts'
import { deviceLists } from '../../e2ee/device-lists.ts'
import type { Dialect } from './dialect.ts'
import { waitForNews } from './park.ts'
import { renderSliding } from './response.ts'
import { askMoved, askRooms, type SlidingWindows } from './windows.ts'

/** Longest wait, whatever the client asks for: below the time after which proxies give up. */
const MAX_TIMEOUT_MS = 30_000
/** Times that one request is woken before it answers, with nothing new if need be. */
const MAX_ROUNDS = 50
/** After a round in which rooms could not be asked, and nothing else was new. */
const FAILED_PAUSE_MS = 1_000

/**
 * The response to a request of sliding sync, as JSON. With a position and a timeout it waits while there is nothing to tell.
 * @throws MatrixError M_UNKNOWN_POS for a position that is not this connection's (any more), and whatever the account refuses with.
 */
export async function slidingSync(ctx: RequestContext, dialect: Dialect, request: SlidingRequest, timeoutMs: number): Promise<string> {
  const mayWait = request.pos !== undefined
  const deadlineMs = nowMs() + (mayWait ? Math.min(timeoutMs, MAX_TIMEOUT_MS) : 0)
  let { pos } = request
  let { extensions } = request
  for (let round = 0; ; round += 1) {
    const plan = await planNow(ctx, { ...request, extensions, pos, goesOn: round > 0 })
    const windows = await askRooms(ctx, plan)
    const moved = await askMoved(ctx, plan)
    const devices = { incremental: plan.incremental, devicesChanged: plan.e2ee?.devicesChanged ?? [] }
    const next = positionHolding(ctx.config, plan, windows, moved.failed)
    const { json, hasNews } = renderSliding(dialect, plan, windows, await deviceLists(ctx, devices, moved.changes), next)
    ctx.close()
    const leftMs = deadlineMs - nowMs()
    if (hasNews || leftMs <= 0 || round >= MAX_ROUNDS) return json
    // What nobody needs to be told of has been passed over: the client goes on behind it.
    pos = next
    if (plan.toDevice !== undefined && extensions.toDevice !== undefined) {
      extensions = { ...extensions, toDevice: { ...extensions.toDevice, since: plan.toDevice.nextBatch } }
    }
    if (next !== plan.pos) await new Promise((resolve) => setTimeout(resolve, Math.min(leftMs, FAILED_PAUSE_MS)))
    else if (plan.empty && (await waitForNews(ctx, request.connectionId, pos, leftMs)) === 'over') return json
  }
}

async function planNow(ctx: RequestContext, request: SlidingRequest): Promise<SlidingPlan> {
  return unwrap(await ctx.session.slidingSync(request))
}

/**
 * The position after a response that lacks the rooms which could not be asked: the connection then has them as it had them before, and will ask
 * again who came and went. @throws MatrixError M_UNKNOWN where more rooms fail than a position can name.
 */
function positionHolding(config: Config, plan: SlidingPlan, windows: SlidingWindows, failedMoves: readonly MovedMembers[]): string {
  const failed = [...windows].flatMap(([roomId, window]) => (window === undefined ? [roomId] : []))
  if (failed.length + failedMoves.length === 0) return plan.pos
  if (failed.length + failedMoves.length > MAX_HELD_ROOMS) throw unknownError('Too many rooms cannot be reached')
  const { userId, deviceId } = plan
  const token = parseSlidingToken(config, userId, deviceId, plan.pos)
  const held = new Map([
    ...failed.map((roomId): [string, number] => [roomKey(roomId), 0]),
    ...failedMoves.map(({ roomId, sinceSeq }): [string, number] => [movedKey(roomId), sinceSeq]),
  ])
  return formatSlidingToken(config, userId, deviceId, { ...token, sync: { ...token.sync, held } })
}
