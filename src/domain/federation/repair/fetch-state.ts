import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { askState, askStateIds } from './ask.ts'
import { fetchStateEvents, tellerFirst, unknownOf } from './fetch-auth.ts'
import { MAX_SERVERS_ASKED, WHOLE_STATE_ABOVE } from './limits.ts'
import { attempt, type RepairContext } from './repair-context.ts'
import { bringAll, verifyFetched } from './verified.ts'

/**
 * Has the room know the state before an event, as one of some servers tells it: its IDs first, then what of it is not here. Answers whether the room took
 * it. A kill in the middle costs what was under way: what was brought is kept.
 * @param mayBeIncomplete whether events that nobody has may be left out.
 */
export async function fetchStateBefore(
  ctx: RepairContext,
  rules: RoomVersionRules,
  servers: readonly string[],
  eventId: string,
  mayBeIncomplete: boolean,
): Promise<boolean> {
  for (const serverName of servers.slice(0, MAX_SERVERS_ASKED)) {
    const taken = await attempt(`the state before ${eventId} at ${serverName}`, () =>
      fetchFrom(ctx, rules, serverName, servers, eventId, mayBeIncomplete),
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
  eventId: string,
  mayBeIncomplete: boolean,
): Promise<boolean> {
  const { state, authChain } = await askStateIds(ctx, serverName, eventId)
  if (state.length === 0) return false
  const wanted = [...new Set([...authChain, ...state])]
  let forged: readonly string[] = []
  let unknown = await unknownOf(ctx, wanted)
  if (unknown.length > WHOLE_STATE_ABOVE) {
    const missing = new Set(unknown)
    const whole = await attempt(`the whole state before ${eventId} at ${serverName}`, () => askState(ctx, serverName, eventId))
    if (whole !== undefined) {
      const verified = await verifyFetched(ctx, rules, whole)
      forged = verified.forged
      await bringAll(ctx, { ...verified, events: verified.events.filter((event) => missing.has(event.eventId)) })
      unknown = await unknownOf(ctx, unknown)
    }
  }
  const sources = tellerFirst(serverName, servers).slice(0, MAX_SERVERS_ASKED)
  const { stateIds } = await fetchStateEvents(ctx, rules, { state, unknown, forged }, sources)
  const left = unwrap(await ctx.room().claimState({ eventId, stateIds, mayBeIncomplete }))
  return left === 0 || mayBeIncomplete
}
