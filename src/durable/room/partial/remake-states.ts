import { isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import {
  deleteIncompleteEvent,
  type IncompleteEvent,
  incompleteEvents,
  insertIncompleteEvent,
  readToldStates,
  writeToldState,
} from '../../../storage/room/partial-room.ts'
import { restateEvent } from '../../../storage/room/restate-event.ts'
import { resolveGroups, UnresolvedError } from '../graph/resolve-groups.ts'
import { rejectionOf } from '../graph/state-before.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_REMAKE_LOOKED_AT, REMAKE_SLICE_EVENTS } from './limits.ts'

/** What a turn came to. `unresolved`: a resolution must end first. `blocked`: none of the events has what it needs. `none`: there are none. */
export type Remade = { readonly kind: 'made' | 'blocked' | 'none' } | { readonly kind: 'unresolved'; readonly groups: readonly number[] }

/**
 * Gives some events that were placed on incomplete states those that they are on now, and judges them again by these. Each after its predecessors. The caller
 * holds the transaction.
 */
export function remakeStates(core: RoomCore): Remade {
  const waiting = incompleteEvents(core.store, MAX_REMAKE_LOOKED_AT)
  let made = 0
  for (const incomplete of waiting) {
    const event = core.events.get(incomplete.nid)
    const groups = groupsBeforeOf(core, event)
    if (groups === undefined) continue
    try {
      core.store.transaction(undefined, () => remake(core, event, incomplete, groups))
    } catch (cause) {
      if (!(cause instanceof UnresolvedError)) throw cause
      core.forgetCaches()
      // What has been made goes first: only then all of the groups exist outside of the transaction.
      return made > 0 ? { kind: 'made' } : { kind: 'unresolved', groups: cause.groups }
    }
    made += 1
    if (made >= REMAKE_SLICE_EVENTS) break
  }
  if (made > 0) return { kind: 'made' }
  return { kind: waiting.length === 0 ? 'none' : 'blocked' }
}

/** The whole states that the one before an event is made of; `undefined` while one of them is not whole. */
export function groupsBeforeOf(core: RoomCore, event: StoredEvent): number[] | undefined {
  const told = readToldStates(core.store, event.eventId)
  if (told.some(({ group }) => group === 0)) return undefined
  const groups = told.map(({ group }) => group)
  const { prevEvents } = core.roomEvent(event, core.roomId)
  // The state after these is what servers say it is, whatever has come of them since.
  const toldAfter = new Set(told.map(({ afterId }) => afterId))
  const prev = prevEvents.filter((eventId) => !toldAfter.has(eventId)).map((eventId) => core.events.findById(eventId))
  const placed = prev.flatMap((stored) => (stored !== undefined && isPlaced(stored) ? stored : []))
  if (placed.length < prev.length && told.length === 0) {
    writeToldState(core.store, { eventId: event.eventId, afterId: '', group: 0 })
    return undefined
  }
  const incomplete = placed.filter(({ groupAfter }) => !core.groups.isComplete(groupAfter))
  for (const { nid } of incomplete) insertIncompleteEvent(core.store, nid)
  return incomplete.length > 0 ? undefined : [...placed.map(({ groupAfter }) => groupAfter), ...groups]
}

function remake(core: RoomCore, stored: StoredEvent, { refused }: IncompleteEvent, groups: readonly number[]): void {
  const { roomId, rules } = core
  const event = core.roomEvent(stored, roomId)
  const groupBefore = resolveGroups(core, groups, roomId, rules)
  const auth = event.authEvents.flatMap((id) => core.events.findById(id) ?? [])
  const isAllowed = !refused && rejectionOf(core, roomId, rules, event, auth, groupBefore) === undefined
  // What was rejected wrongly counts as state for what builds on it; nobody was shown it, and nobody is.
  const status = isAllowed ? (stored.status === 'accepted' ? 'accepted' : 'soft_failed') : 'rejected'
  const kid = event.stateKey === undefined ? undefined : core.keys.intern(event.type, event.stateKey)
  const groupAfter = isAllowed && kid !== undefined ? core.groups.extend(groupBefore, [{ kid, nid: stored.nid }]) : groupBefore
  const replaces = kid === undefined ? undefined : core.groups.lookup(groupBefore, kid)
  restateEvent(core.store, core.events, stored, { groupBefore, groupAfter, status, replaces })
  deleteIncompleteEvent(core.store, stored.nid)
}
