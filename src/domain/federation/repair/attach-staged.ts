import type { AttachAttempt, AttachResult } from '../../../durable/repair/repair-object.ts'
import type { RepairPlan } from '../../../durable/room/graph/repair-plan.ts'
import { reachableFrom } from '../../../durable/room/graph/topological-order.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { askMissingEvents } from './ask.ts'
import { fetchAuthChain, fetchOutliers } from './fetch-auth.ts'
import { fetchStateBefore } from './fetch-state.ts'
import { INCOMPLETE_AFTER_FAILURES, MAX_ATTACH_ROUNDS, MAX_GIVE_UP_ROUNDS, MAX_MISSING_ROUNDS, MAX_SERVERS_ASKED } from './limits.ts'
import { attempt, type RepairContext, rulesOfVersion } from './repair-context.ts'
import { verifyFetched } from './verified.ts'

/**
 * Completes staged events of a room: the events between them and what is here in bounded rounds (server-server-api `get_missing_events`); where the gap is
 * longer than that, the state before the oldest of them, which leaves a gap that history is later put into. `stuck`: some could not be completed.
 */
export async function attachStaged(ctx: RepairContext, attempt: AttachAttempt): Promise<AttachResult> {
  const { origin, failures } = attempt
  const seen = new Set<string>()
  let missingRounds = 0
  for (let round = 0; round < MAX_ATTACH_ROUNDS; round += 1) {
    const plan = unwrap(await ctx.room().repairPlan(origin))
    if (plan.roots.length === 0) return 'attached'
    const rules = rulesOfVersion(plan.version)
    const auth = await bringAuth(ctx, rules, plan, origin)
    const between = missingRounds < MAX_MISSING_ROUNDS && (await bringBetween(ctx, rules, plan, origin, seen))
    if (between) missingRounds += 1
    if (auth || between) continue
    if (!(await bringStates(ctx, rules, plan, origin, failures >= INCOMPLETE_AFTER_FAILURES))) break
  }
  return attempt.lastAttempt ? await giveUp(ctx, origin) : 'stuck'
}

/** Gives up what could not be completed, and what waits for that. */
async function giveUp(ctx: RepairContext, origin: string): Promise<AttachResult> {
  for (let round = 0; round < MAX_GIVE_UP_ROUNDS; round += 1) {
    const { roots } = unwrap(await ctx.room().repairPlan(origin))
    if (roots.length === 0) break
    unwrap(await ctx.room().giveUpStaged(roots.map(({ eventId }) => eventId)))
  }
  return 'attached'
}

/** Brings auth events that staged events lack; whether any staged event has all of them now. */
async function bringAuth(ctx: RepairContext, rules: RoomVersionRules, plan: RepairPlan, origin: string): Promise<boolean> {
  let isProgress = false
  for (const root of plan.roots.filter(({ missingAuth }) => missingAuth.length > 0)) {
    for (const serverName of sourcesOf(plan, origin)) {
      await fetchAuthChain(ctx, rules, serverName, root.eventId)
      let unknown = unwrap(await ctx.room().unknownEvents(root.missingAuth))
      if (unknown.length > 0) await fetchOutliers(ctx, rules, serverName, unknown)
      unknown = unwrap(await ctx.room().unknownEvents(root.missingAuth))
      if (unknown.length > 0) continue
      isProgress = true
      break
    }
  }
  if (isProgress) unwrap(await ctx.room().retryStaged())
  return isProgress
}

/** Brings events between staged ones and what is here; whether any came that had not come before. */
async function bringBetween(
  ctx: RepairContext,
  rules: RoomVersionRules,
  plan: RepairPlan,
  origin: string,
  seen: Set<string>,
): Promise<boolean> {
  const roots = plan.roots.filter(({ missingPrev }) => missingPrev.length > 0)
  const [first] = roots
  if (first === undefined) return false
  const latest = roots.map(({ eventId }) => eventId)
  const missing = roots.flatMap(({ missingPrev }) => missingPrev)
  for (const serverName of sourcesOf(plan, origin)) {
    const pdus = await attempt(`events before ${first.eventId} at ${serverName}`, () =>
      askMissingEvents(ctx, serverName, plan.extremities, latest),
    )
    if (pdus === undefined) continue
    const { events, rejected } = await verifyFetched(ctx, rules, pdus)
    // Only what leads to something that waits: a server could send anything.
    const wanted = reachableFrom(missing, new Map(events.map((event) => [event.eventId, event])))
    const fresh = wanted.filter(({ eventId }) => !seen.has(eventId))
    if (fresh.length === 0) continue
    for (const { eventId } of fresh) seen.add(eventId)
    // Whoever was asked: it is for the sake of what this server sent.
    const request = { origin, pdus: fresh.map(({ pdu }) => pdu), rejected, fetched: true }
    unwrap(await ctx.room().ingest(request, 'repair'))
    return true
  }
  return false
}

/** Brings the states before staged events that wait for nothing that is staged; whether the room took any. */
async function bringStates(
  ctx: RepairContext,
  rules: RoomVersionRules,
  plan: RepairPlan,
  origin: string,
  mayBeIncomplete: boolean,
): Promise<boolean> {
  let isProgress = false
  for (const root of plan.roots.filter(({ isLowest, missingPrev }) => isLowest && missingPrev.length > 0)) {
    isProgress = (await fetchStateBefore(ctx, rules, sourcesOf(plan, origin), root.eventId, mayBeIncomplete)) || isProgress
  }
  if (isProgress) unwrap(await ctx.room().retryStaged())
  return isProgress
}

/** Whom to ask about staged events: whoever sent them, then others. */
function sourcesOf(plan: RepairPlan, origin: string): string[] {
  return [...new Set([origin, ...plan.servers])].slice(0, MAX_SERVERS_ASKED)
}
