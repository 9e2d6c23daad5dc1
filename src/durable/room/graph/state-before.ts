import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { checkAgainstAuthEvents, checkAuth } from '../../../state-resolution/auth/check-auth.ts'
import { findClaimedState } from '../../../storage/room/claimed-states.ts'
import { isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'
import { groupAuthState } from './group-auth-state.ts'

/** What an event refers to, as far as it is here. */
export interface References {
  /** Predecessors with a place in the graph. */
  readonly prev: readonly StoredEvent[]
  readonly missingPrev: readonly string[]
  /** Its auth events, with or without a place. */
  readonly auth: readonly StoredEvent[]
  readonly missingAuth: readonly string[]
  /** The state before the event as another server told it, where predecessors are missing. */
  readonly claimed: number | undefined
}

/** Looks up what an event refers to. */
export function referencesOf(core: RoomCore, event: RoomEvent): References {
  const prev = event.prevEvents.map((id) => ({ id, stored: findPlaced(core, id) }))
  const auth = event.authEvents.map((id) => ({ id, stored: core.events.findById(id) }))
  const missingPrev = prev.flatMap(({ id, stored }) => (stored === undefined ? [id] : []))
  return {
    prev: prev.flatMap(({ stored }) => stored ?? []),
    missingPrev: [...new Set(missingPrev)],
    auth: auth.flatMap(({ stored }) => stored ?? []),
    missingAuth: [...new Set(auth.flatMap(({ id, stored }) => (stored === undefined ? [id] : [])))],
    claimed: missingPrev.length === 0 ? undefined : findClaimedState(core.store, event.eventId),
  }
}

/** Whether the state before an event can be worked out with what is here. */
export function isComplete({ missingPrev, missingAuth, claimed }: References): boolean {
  return missingAuth.length === 0 && (missingPrev.length === 0 || claimed !== undefined)
}

/** The states that the state before an event is resolved from: those after its predecessors, and the one that was told. */
export function groupsBefore({ prev, claimed }: References): number[] {
  return [...prev.map(({ groupAfter }) => groupAfter), ...(claimed === undefined ? [] : [claimed])]
}

/** Checks 4 and 5 (server-server-api#checks-performed-on-receipt-of-a-pdu): why an event is rejected by its auth events or the state before it. */
export function rejectionOf(
  core: RoomCore,
  roomId: string,
  rules: RoomVersionRules,
  event: RoomEvent,
  auth: readonly StoredEvent[],
  groupBefore: number,
): string | undefined {
  const authEvents = auth.map((stored) => core.roomEvent(stored, roomId))
  const isRejected = (id: string): boolean => core.events.findById(id)?.status === 'rejected'
  const byAuthEvents = checkAgainstAuthEvents(event, authEvents, isRejected, rules, core.authState(roomId).create)
  if (!byAuthEvents.allowed) return byAuthEvents.message
  const before = core.partial.withAuthEvents(groupAuthState(core, groupBefore, roomId), groupBefore, authEvents)
  const byState = checkAuth(event, before, rules)
  return byState.allowed ? undefined : byState.message
}

function findPlaced(core: RoomCore, eventId: string): StoredEvent | undefined {
  const stored = core.events.findById(eventId)
  return stored !== undefined && isPlaced(stored) ? stored : undefined
}
