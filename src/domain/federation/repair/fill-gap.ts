import type { BackfillAnswer } from '../../../durable/room/graph/backfill.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { askBackfill } from './ask.ts'
import { fetchOutliers } from './fetch-auth.ts'
import { fetchStateBefore } from './fetch-state.ts'
import { MAX_BACKFILL_TRIES, MAX_SERVERS_ASKED } from './limits.ts'
import { attempt, type RepairContext, rulesOfVersion } from './repair-context.ts'
import { verifyFetched } from './verified.ts'

/**
 * Fetches a batch of history right below a place, from the first of several servers that has it (server-server-api#backfilling-and-retrieving-missing-events).
 * Verified here, authorized by the room; the state before the oldest events of the batch is fetched where it is not known.
 */
export async function fillGap(ctx: RepairContext, ord: number): Promise<'filled' | 'failed'> {
  const plan = unwrap(await ctx.room().gapPlan(ord))
  const { gap } = plan
  if (gap === undefined) return 'filled'
  const rules = rulesOfVersion(plan.version)
  const servers = plan.servers.slice(0, MAX_SERVERS_ASKED)
  for (const serverName of servers) {
    const ordered = [serverName, ...servers.filter((name) => name !== serverName)]
    const filled = await attempt(`history at ${serverName}`, () => fillFrom(ctx, rules, ordered, ord, gap.eventIds))
    if (filled === true) return 'filled'
  }
  unwrap(await ctx.room().gapFailed(ord))
  return 'failed'
}

async function fillFrom(
  ctx: RepairContext,
  rules: RoomVersionRules,
  servers: readonly string[],
  ord: number,
  missing: readonly string[],
): Promise<boolean> {
  const [serverName] = servers
  if (serverName === undefined) return false
  const { events, rejected } = await verifyFetched(ctx, rules, await askBackfill(ctx, serverName, missing))
  const pdus = events.map(({ pdu }) => pdu)
  for (let tries = 0; tries < MAX_BACKFILL_TRIES; tries += 1) {
    const answer = unwrap(await ctx.room().backfill({ ord, pdus, rejected }))
    if (answer.kind === 'placed') return true
    if (answer.kind === 'resolving') await ctx.room().resolved()
    else if (answer.kind !== 'needs' || !(await bringNeeds(ctx, rules, servers, answer))) return false
  }
  return false
}

/** Brings what a batch lacks; whether there is any point in trying again. */
async function bringNeeds(
  ctx: RepairContext,
  rules: RoomVersionRules,
  servers: readonly string[],
  needs: Extract<BackfillAnswer, { readonly kind: 'needs' }>,
): Promise<boolean> {
  for (const serverName of servers) {
    const unknown = unwrap(await ctx.room().unknownEvents(needs.auth))
    if (unknown.length === 0) break
    await fetchOutliers(ctx, rules, serverName, unknown)
  }
  for (const eventId of needs.states) {
    // History is shown without being built on: a state that nobody has whole must not end it.
    if (!(await fetchStateBefore(ctx, rules, servers, eventId, true))) return false
  }
  return true
}
