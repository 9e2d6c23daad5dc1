import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { deleteClaimedState } from '../../../storage/room/claimed-states.ts'
import { isPlaced } from '../../../storage/room/events.ts'
import { deleteGap, failGap, gapAt, insertGaps, lowerEnd } from '../../../storage/room/gaps.ts'
import { markRefused } from '../../../storage/room/partial-room.ts'
import { planResolution } from '../../../storage/room/resolving.ts'
import { EMPTY_GROUP } from '../../../storage/room/state-groups.ts'
import type { Draft } from '../append/draft.ts'
import { noteTold } from '../partial/told-states.ts'
import type { RoomCore } from '../room-core.ts'
import { GAP_PARTS, GAP_RETRY_MAX_MS, GAP_RETRY_MS, MAX_BACKFILLED_BATCH, MAX_STATES_PER_BATCH } from './limits.ts'
import { applyRedactions, placeEvent } from './place-event.ts'
import { RESOLVE_DUE, RESOLVE_RETRY_MS } from './resolution-work.ts'
import { resolveGroups, UnresolvedError } from './resolve-groups.ts'
import { groupsBefore, referencesOf, rejectionOf } from './state-before.ts'
import { olderFirst, reachableFrom } from './topological-order.ts'

/** Repair → room: events from before a gap, verified like those of a transaction. */
export interface BackfillRequest {
  readonly ord: number
  readonly pdus: readonly JsonObject[]
  /** Events among them that are to be stored as rejected, by ID, and why. */
  readonly rejected: Readonly<Record<string, string>>
}

/**
 * Room → Repair. `placed`: so many events have their place in the gap. `needs`: nothing was stored; the states before these events and these auth events must be brought
 * first. `resolving`: a state has to be resolved first, which has begun. `useless`: nothing in it belongs into the gap. `full`: the gap has no place left.
 */
export type BackfillAnswer =
  | { readonly kind: 'placed'; readonly events: number }
  | { readonly kind: 'needs'; readonly states: readonly string[]; readonly auth: readonly string[] }
  | { readonly kind: 'resolving' }
  | { readonly kind: 'useless' | 'full' }

/**
 * Puts a batch of history into a gap: sorted by what builds on what, authorized by the states before, placed right below the event that names the
 * missing ones (docs/design/room.md). Nobody is told; the room's present does not move. The caller holds the transaction.
 */
export function backfill(core: RoomCore, draft: Draft, request: BackfillRequest): BackfillAnswer {
  const gap = gapAt(core.store, request.ord)
  if (gap === undefined) return { kind: 'placed', events: 0 }
  const batch = batchOf(core, draft, gap.eventIds, request.pdus)
  const arrived = gap.eventIds.filter((id) => isHere(core, id))
  for (const eventId of arrived) deleteGap(core.store, eventId)
  if (batch.length === 0) return arrived.length > 0 ? { kind: 'placed', events: 0 } : { kind: 'useless' }
  const needs = needsOf(core, batch)
  if (needs.states.length > MAX_STATES_PER_BATCH) return { kind: 'useless' }
  if (needs.states.length + needs.auth.length > 0) return { kind: 'needs', ...needs }
  const below = lowerEnd(core.store, request.ord)
  const step = stepOf(request.ord - below, batch.length)
  if (step === 0) return { kind: 'full' }
  for (const [index, event] of batch.entries()) {
    const groupBefore = stateBefore(core, draft, event)
    // What has its place by then keeps it; the rest comes again.
    if (groupBefore === undefined) return { kind: 'resolving' }
    placeHistory(core, draft, event, groupBefore, request.ord - step * (batch.length - index), request.rejected[event.eventId])
  }
  return { kind: 'placed', events: batch.length }
}

/** A gap could not be filled; it is left alone for a while. */
export function noteGapFailure(core: RoomCore, ord: number): void {
  const now = core.nowMs()
  core.store.transaction(undefined, () =>
    failGap(core.store, ord, (failures) => now + Math.min(GAP_RETRY_MS * 2 ** (failures - 1), GAP_RETRY_MAX_MS)),
  )
}

/** What of the answer belongs into the gap and is not here yet, older events first. What nothing in the gap leads to is left out. */
function batchOf(core: RoomCore, draft: Draft, missing: readonly string[], pdus: readonly JsonObject[]): RoomEvent[] {
  const found = new Map<string, RoomEvent>()
  for (const pdu of pdus.slice(0, MAX_BACKFILLED_BATCH)) {
    const parsed = parsePdu(pdu, draft.rules, draft.head.roomId)
    if (parsed.ok && !isHere(core, parsed.event.eventId)) found.set(parsed.event.eventId, parsed.event)
  }
  const create = core.currentEvent('m.room.create', '')?.eventId
  // A create event that is not this room's has no place anywhere (E19).
  for (const [eventId, event] of found) if (event.type === 'm.room.create' && eventId !== create) found.delete(eventId)
  return olderFirst(reachableFrom(missing, found))
}

function isHere(core: RoomCore, eventId: string): boolean {
  const stored = core.events.findById(eventId)
  return stored !== undefined && isPlaced(stored)
}

/** What has to be brought before a batch can be judged: states before events whose predecessors are neither here nor in the batch, and auth events. */
function needsOf(core: RoomCore, batch: readonly RoomEvent[]): { readonly states: string[]; readonly auth: string[] } {
  const within = new Set(batch.map(({ eventId }) => eventId))
  const states: string[] = []
  const auth = new Set<string>()
  for (const event of batch) {
    const { missingPrev, missingAuth, claimed } = referencesOf(core, event)
    if (claimed === undefined && missingPrev.some((id) => !within.has(id))) states.push(event.eventId)
    for (const id of missingAuth) if (!within.has(id)) auth.add(id)
  }
  return { states, auth: [...auth] }
}

/** Places between two neighbours: a small part of the gap, so that batches below find room too. */
function stepOf(width: number, events: number): number {
  const step = Math.max(1, Math.floor(width / GAP_PARTS))
  return step * events < width ? step : Math.floor((width - 1) / events)
}

/** The state before an event of the batch, older ones having their place; `undefined` where it has to be resolved first. */
function stateBefore(core: RoomCore, draft: Draft, event: RoomEvent): number | undefined {
  if (event.type === 'm.room.create') return EMPTY_GROUP
  try {
    return resolveGroups(core, groupsBefore(referencesOf(core, event)), draft.head.roomId, draft.rules)
  } catch (cause) {
    if (!(cause instanceof UnresolvedError)) throw cause
    planResolution(core.store, cause.groups)
    core.due.ensure(RESOLVE_DUE, '', core.nowMs() + RESOLVE_RETRY_MS)
    core.repairs?.planResolution()
    return undefined
  }
}

function placeHistory(core: RoomCore, draft: Draft, event: RoomEvent, groupBefore: number, ord: number, refusal: string | undefined): void {
  const { roomId } = draft.head
  const references = referencesOf(core, event)
  const reason = refusal ?? rejectionOf(core, roomId, draft.rules, event, references.auth, groupBefore)
  const status = reason === undefined ? 'accepted' : 'rejected'
  const stored = placeEvent(core, event, core.events.findById(event.eventId), {
    status,
    groupBefore,
    pos: undefined,
    ord: reason === undefined ? ord : undefined,
  })
  if (refusal !== undefined) markRefused(core.store, stored.nid)
  core.past.note(groupBefore)
  core.past.note(stored.groupAfter)
  insertGaps(core.store, ord, references.missingPrev)
  deleteGap(core.store, event.eventId)
  if (references.claimed !== undefined) noteTold(core, event.eventId, references.claimed, groupBefore)
  deleteClaimedState(core.store, event.eventId)
  if (reason === undefined) applyRedactions(core, draft, stored, event, core.nowMs())
}
