import type { CompletionPlan } from '../../../durable/room/partial/complete-state.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { letOthersRun } from '../../../runtime/turns.ts'
import { receiveJoinAnswer } from '../join/receive-join-answer.ts'
import { MAX_IMPORT_TURNS } from '../limits.ts'
import { askStateIds, openState } from './ask.ts'
import { fetchStateEvents, tellerFirst, unknownOf } from './fetch-auth.ts'
import { inTurn } from './in-turn.ts'
import { KEYS_PER_CALL, LACKING_AFTER_FAILURES, MAX_RESOLUTIONS, MAX_STATES_PER_COMPLETION, WHOLE_STATE_ABOVE } from './limits.ts'
import { attempt, type RepairContext, rulesOfVersion } from './repair-context.ts'

/**
 * Completes the states of a room that was joined without its members (MSC3902): fetches those that are to be fetched, then has the room go on from them. What was
 * brought is kept, so that an attempt that is cut off is not lost. `stuck`: nobody who was asked had what is missing.
 */
export async function completeRoom(ctx: RepairContext, failures: number): Promise<'complete' | 'stuck'> {
  for (let fetched = 0; fetched < MAX_STATES_PER_COMPLETION; ) {
    const plan = unwrap(await ctx.room().completionPlan())
    if (plan.next === 'done') return 'complete'
    if (plan.next === 'fetch') {
      if (!(await fetchWhole(ctx, plan, failures))) return 'stuck'
      fetched += 1
    } else if ((await advance(ctx)) === 'done') {
      return 'complete'
    }
  }
  return 'stuck'
}

/** Has the room go on with what is here, a turn at a time, until there is something to fetch. */
async function advance(ctx: RepairContext): Promise<'fetch' | 'done'> {
  let resolutions = 0
  for (let turns = 0; turns < MAX_IMPORT_TURNS && resolutions < MAX_RESOLUTIONS; turns += 1) {
    const turn = unwrap(await ctx.room().advanceCompletion())
    if (turn === 'done' || turn === 'fetch') return turn
    if (turn === 'resolving') {
      resolutions += 1
      await ctx.room().resolved()
    }
    await letOthersRun()
  }
  throw new Error('completing a room has not come to an end')
}

/** Fetches one state, of one server after the other, each time beginning with another one. */
async function fetchWhole(ctx: RepairContext, plan: CompletionPlan, failures: number): Promise<boolean> {
  const { untold, servers } = plan
  if (untold === undefined || servers.length === 0) return false
  const rules = rulesOfVersion(plan.version)
  const ordered = inTurn(servers, failures)
  for (const serverName of ordered) {
    const taken = await attempt(`the state of a room at ${serverName}`, () =>
      fetchFrom(ctx, rules, serverName, ordered, untold, failures >= LACKING_AFTER_FAILURES),
    )
    if (taken === true) return true
  }
  return false
}

async function fetchFrom(
  ctx: RepairContext,
  rules: RoomVersionRules,
  serverName: string,
  servers: readonly string[],
  { eventId, afterId }: { readonly eventId: string; readonly afterId: string },
  mayLack: boolean,
): Promise<boolean> {
  const at = afterId === '' ? eventId : afterId
  const { state, authChain } = await askStateIds(ctx, serverName, at)
  if (state.length === 0 && afterId === '') return false
  const wanted = [...new Set([...authChain, ...state, ...(afterId === '' ? [] : [afterId])])]
  let unknown = await unknownOf(ctx, wanted)
  if (unknown.length > WHOLE_STATE_ABOVE) {
    await attempt(`the whole state of a room at ${serverName}`, () => bringWhole(ctx, rules, serverName, at))
    unknown = await unknownOf(ctx, unknown)
  }
  const { stateIds } = await fetchStateEvents(ctx, rules, { state, unknown, forged: [] }, tellerFirst(serverName, servers))
  const named = afterId === '' ? stateIds : [...stateIds, afterId]
  for (let start = 0; start < named.length; start += KEYS_PER_CALL) {
    unwrap(await ctx.room().numberKeys(named.slice(start, start + KEYS_PER_CALL)))
    await letOthersRun()
  }
  return unwrap(await ctx.room().tellState({ eventId, afterId, stateIds, mayLack })) === 0 || mayLack
}

/** Brings a whole state with its auth chain to the room as it arrives: large rooms are never held. */
async function bringWhole(ctx: RepairContext, rules: RoomVersionRules, serverName: string, eventId: string): Promise<void> {
  const body = await openState(ctx, serverName, eventId)
  let isFirst = true
  await receiveJoinAnswer(
    ctx,
    rules,
    ctx.roomId,
    body,
    async (staged) => {
      unwrap(await ctx.room().stageWhole(staged, isFirst))
      isFirst = false
    },
    'pdus',
  )
  for (let turns = 0; turns < MAX_IMPORT_TURNS && !isFirst; turns += 1) {
    if (unwrap(await ctx.room().keepWhole())) return
    await letOthersRun()
  }
}
