import { invalidParam } from '../../../matrix/errors.ts'
import { insertClaimedState } from '../../../storage/room/claimed-states.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_CLAIMED_STATE } from './limits.ts'
import { groupOfEntries } from './resolve-groups.ts'

/** Repair → room: the state before an event, as another server tells it. Its events have been brought before. */
export interface StateClaim {
  readonly eventId: string
  readonly stateIds: readonly string[]
  /** Whether some of them could not be had from anybody. Refused unless they may be missing. */
  readonly mayBeIncomplete: boolean
}

/**
 * Takes the state before an event from another server, so that the event can be judged without its predecessors. Every event in it was checked by its auth
 * events; what the rules reject is no part of it. Where other predecessors are here, the state is resolved with theirs: nobody can make this room forget.
 * One commit. Answers how many events of the state are missing; if any, and they may not, nothing was stored.
 * @throws MatrixError M_INVALID_PARAM for what is no state of this room.
 */
export function claimState(core: RoomCore, { eventId, stateIds, mayBeIncomplete }: StateClaim): number {
  if (stateIds.length > MAX_CLAIMED_STATE) throw invalidParam(`At most ${MAX_CLAIMED_STATE} events make a state`)
  const rows = core.events.stateRows(stateIds)
  const missing = new Set(stateIds).size - rows.length
  if (missing > 0 && !mayBeIncomplete) return missing
  try {
    core.store.transaction(undefined, () => {
      const entries = new Map<number, number>()
      for (const { nid, type, stateKey, status } of rows) {
        if (status === 'rejected') continue
        if (stateKey === undefined) throw invalidParam('The state holds an event that is none')
        const kid = core.keys.intern(type, stateKey)
        if (entries.has(kid)) throw invalidParam('The state holds two events for one key')
        entries.set(kid, nid)
      }
      const create = core.currentEvent('m.room.create', '')
      const kid = core.keys.find('m.room.create', '')
      if (create === undefined || kid === undefined || entries.get(kid) !== create.nid)
        throw invalidParam('The state is that of another room')
      insertClaimedState(core.store, eventId, groupOfEntries(core, core.head.currentGroup, entries, missing === 0))
    })
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
  return missing
}
