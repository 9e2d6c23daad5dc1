import type { JsonObject } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { askEvent, askEventAuth } from './ask.ts'
import { EVENTS_PARALLEL, IDS_PER_QUESTION, MAX_AUTH_ROUNDS, MAX_SINGLE_EVENTS } from './limits.ts'
import { attempt, type RepairContext } from './repair-context.ts'
import { bringAll, verifyFetched } from './verified.ts'

/** Brings the auth chain of an event to the room, as a server tells it. */
export async function fetchAuthChain(ctx: RepairContext, rules: RoomVersionRules, serverName: string, eventId: string): Promise<void> {
  const chain = await attempt(`the auth chain of ${eventId} at ${serverName}`, () => askEventAuth(ctx, serverName, eventId))
  if (chain !== undefined) await bringAll(ctx, await verifyFetched(ctx, rules, chain))
}

/**
 * Brings events to the room as what others refer to, with the auth events that they need, in bounded rounds. Answers which of those asked for are forged:
 * they came, but not as their sender's server signed them.
 */
export async function fetchOutliers(
  ctx: RepairContext,
  rules: RoomVersionRules,
  serverName: string,
  eventIds: readonly string[],
): Promise<readonly string[]> {
  const forged: string[] = []
  const asked = new Set<string>()
  const fetched: JsonObject[] = []
  let wanted = await unknownOf(ctx, eventIds)
  for (let round = 0; round < MAX_AUTH_ROUNDS && wanted.length > 0 && asked.size < MAX_SINGLE_EVENTS; round += 1) {
    const next = wanted.filter((eventId) => !asked.has(eventId)).slice(0, MAX_SINGLE_EVENTS - asked.size)
    if (next.length === 0) break
    for (const eventId of next) asked.add(eventId)
    fetched.push(...(await fetchEach(ctx, serverName, next)))
    // All of them again: those that lacked an auth event in the round before may be kept now.
    const verified = await verifyFetched(ctx, rules, fetched)
    forged.push(...verified.forged)
    wanted = await bringAll(ctx, verified)
  }
  return forged
}

/** What is left of a state whose events were asked for. */
export interface FetchedState {
  /** The state without what turned out to be forged: what its sender's server has not signed is no part of any state, whoever says so. */
  readonly stateIds: readonly string[]
}

/**
 * Brings what of a state and its auth chain is not here, event by event, from one server after the other, the one that told the state first.
 * @param unknown what is missing of it.
 * @param forged what came before, and not as its sender's server signed it.
 */
export async function fetchStateEvents(
  ctx: RepairContext,
  rules: RoomVersionRules,
  {
    state,
    unknown,
    forged,
  }: { readonly state: readonly string[]; readonly unknown: readonly string[]; readonly forged: readonly string[] },
  sources: readonly string[],
): Promise<FetchedState> {
  const notSigned = new Set(forged)
  let missing = unknown
  for (const source of sources) {
    if (missing.length === 0) break
    for (const id of await fetchOutliers(ctx, rules, source, missing)) notSigned.add(id)
    missing = await unknownOf(ctx, missing)
  }
  const isForged = (id: string): boolean => notSigned.has(id) && missing.includes(id)
  return { stateIds: state.filter((id) => !isForged(id)) }
}

/** Servers in the order in which they are asked for what one of them has told. */
export function tellerFirst(teller: string, servers: readonly string[]): string[] {
  return [teller, ...servers.filter((name) => name !== teller)]
}

/** Which of some events the room does not have. */
export async function unknownOf(ctx: RepairContext, eventIds: readonly string[]): Promise<string[]> {
  const unknown: string[] = []
  for (let start = 0; start < eventIds.length; start += IDS_PER_QUESTION) {
    unknown.push(...unwrap(await ctx.room().unknownEvents(eventIds.slice(start, start + IDS_PER_QUESTION))))
  }
  return unknown
}

async function fetchEach(ctx: RepairContext, serverName: string, eventIds: readonly string[]): Promise<JsonObject[]> {
  const pdus: JsonObject[] = []
  for (let start = 0; start < eventIds.length; start += EVENTS_PARALLEL) {
    const answers = await Promise.all(
      eventIds
        .slice(start, start + EVENTS_PARALLEL)
        .map((eventId) => attempt(`${eventId} at ${serverName}`, () => askEvent(ctx, serverName, eventId))),
    )
    pdus.push(...answers.filter((answer) => answer !== undefined))
  }
  return pdus
}
