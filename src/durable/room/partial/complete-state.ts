import { invalidParam, MatrixError } from '../../../matrix/errors.ts'
import { clearSomeStagedImports, clearStagedImports, insertStagedImports, type StagedImport } from '../../../storage/room/import-staging.ts'
import { incompleteEvents, nextUntoldState, type ToldState, writePartialRoom, writeToldState } from '../../../storage/room/partial-room.ts'
import { planResolution } from '../../../storage/room/resolving.ts'
import { EMPTY_GROUP } from '../../../storage/room/state-groups.ts'
import { numberKeysOf, type ToldEntry, toldEntries } from '../../../storage/room/told-entries.ts'
import { ImportProgress } from '../federation/import-progress.ts'
import { IMPORT_DELETED_ROWS, MAX_IMPORT_CHUNK } from '../federation/limits.ts'
import { MAX_CLAIMED_STATE } from '../graph/limits.ts'
import { candidateServers } from '../graph/repair-plan.ts'
import { RESOLVE_DUE, RESOLVE_RETRY_MS } from '../graph/resolution-work.ts'
import { resolveGroups, UnresolvedError } from '../graph/resolve-groups.ts'
import type { RoomCore } from '../room-core.ts'
import { fillKey } from './fill-state.ts'
import { FILL_SLICE_ENTRIES } from './limits.ts'
import { groupsBeforeOf, remakeStates } from './remake-states.ts'

/** Room → Repair: what the states of a room lack, and whom to ask. */
export interface CompletionPlan {
  readonly version: string
  /** `fetch`: a state. `advance`: all that is needed is here. `done`: nothing is incomplete, or nobody of this server is in the room any more. */
  readonly next: 'fetch' | 'advance' | 'done'
  /** The state to fetch: before the event, or after that predecessor of it. */
  readonly untold: { readonly eventId: string; readonly afterId: string } | undefined
  readonly servers: readonly string[]
}

/** What is to be done about incomplete states. */
export function completionPlan(core: RoomCore): CompletionPlan {
  const { version } = core.head
  const { current } = core.partial
  const isNeeded = current !== undefined || incompleteEvents(core.store, 1).length > 0
  if (!isNeeded || !core.members.hasLocalJoined()) return { version, next: 'done', untold: undefined, servers: [] }
  const untold = nextUntoldState(core.store)
  const servers = candidateServers(core, current === undefined ? [] : [current.via])
  return { version, next: untold === undefined ? 'advance' : 'fetch', untold, servers }
}

/** How the events of a whole state are looked at, by room; it can be begun again from the rows. */
const looking = new WeakMap<RoomCore, ImportProgress>()

/** Once everybody here has left, what is staged is that of whoever joins the room again. @throws MatrixError M_NOT_FOUND. */
function requireOngoing(core: RoomCore): void {
  if (core.head.life !== 'active' || !core.members.hasLocalJoined()) throw core.unknownRoom()
}

/** Takes in events of a whole state as another server sent them; the first of them with `isFirst`. @throws MatrixError M_TOO_LARGE. */
export function stageWhole(core: RoomCore, staged: readonly StagedImport[], isFirst: boolean): void {
  requireOngoing(core)
  if (staged.length > MAX_IMPORT_CHUNK) throw invalidParam(`At most ${MAX_IMPORT_CHUNK} events at a time`)
  looking.delete(core)
  core.store.transaction(undefined, () => {
    if (isFirst) clearStagedImports(core.store)
    insertStagedImports(core.store, staged)
  })
}

/** Keeps some of the events that were staged, as the rules allow, and then deletes what was staged; one commit. Answers whether that was all. */
export function keepWhole(core: RoomCore): boolean {
  requireOngoing(core)
  const progress = looking.get(core) ?? new ImportProgress({ core, roomId: core.roomId, rules: core.rules, foundedAtPos: undefined })
  looking.set(core, progress)
  try {
    const isLeft = core.store.transaction(undefined, () => {
      if (progress.isDone) return clearSomeStagedImports(core.store, IMPORT_DELETED_ROWS)
      progress.step()
      return true
    })
    if (!isLeft) looking.delete(core)
    return !isLeft
  } catch (cause) {
    looking.delete(core)
    core.forgetCaches()
    throw cause
  }
}

/** Repair → room: a whole state, by the IDs of its events, which have been brought before. */
export interface StateTold {
  readonly eventId: string
  /** See {@link ToldState}. That event has been brought too. */
  readonly afterId: string
  /** The state before `afterId`, or before the event where that is empty. */
  readonly stateIds: readonly string[]
  /** Events of it that nobody has are left out. */
  readonly mayLack: boolean
}

/** Gives numbers to the keys of some events that are about to be told as a state: with those of all of them at once a large room would be busy for long. */
export function numberKeys(core: RoomCore, eventIds: readonly string[]): void {
  core.store.transaction(undefined, () => numberKeysOf(core.store, eventIds))
  core.keys.forgetCache()
}

/** Takes a state from another server, whose keys have their numbers. Answers how many of its events are not here; if any, and none may lack, nothing was stored. @throws MatrixError M_INVALID_PARAM. */
export function tellState(core: RoomCore, { eventId, afterId, stateIds, mayLack }: StateTold): number {
  if (stateIds.length > MAX_CLAIMED_STATE) throw invalidParam(`At most ${MAX_CLAIMED_STATE} events make a state`)
  const ids = new Set(stateIds)
  const rows = toldEntries(core.store, [...ids])
  const after = afterId === '' ? [] : toldEntries(core.store, [afterId])
  const lacking = ids.size - rows.length + (afterId !== '' && after.length === 0 ? 1 : 0)
  if (lacking > 0 && !mayLack) return lacking
  const entries = new Map<number, number>()
  const add = (row: ToldEntry): void => {
    if (!row.isRejected && row.kid !== 0) entries.set(row.kid, row.nid)
  }
  try {
    core.store.transaction(undefined, () => {
      for (const row of rows) add(row)
      if (entries.size < rows.filter(({ isRejected }) => !isRejected).length) throw invalidParam('The state is none')
      for (const row of after) add(row)
      const create = core.currentEvent('m.room.create', '')
      const kid = core.keys.find('m.room.create', '')
      if (create === undefined || kid === undefined || entries.get(kid) !== create.nid)
        throw invalidParam('The state is that of another room')
      const group = core.groups.extend(
        EMPTY_GROUP,
        [...entries].map(([key, nid]) => ({ kid: key, nid })),
        true,
      )
      writeToldState(core.store, { eventId, afterId, group })
    })
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
  return lacking
}

/** What one turn of completing a room came to. `ready`: all that is left is to move current state. */
export type CompletionTurn = 'more' | 'fetch' | 'resolving' | 'ready'

/** One turn: writes what the state before the join lacked, then gives events the states that they are on. One commit. */
export function completionTurn(core: RoomCore): CompletionTurn {
  try {
    return core.store.transaction(undefined, () => turn(core))
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
}

function turn(core: RoomCore): CompletionTurn {
  const { current } = core.partial
  if (nextUntoldState(core.store) !== undefined) return 'fetch'
  try {
    const join = current === undefined || current.filled ? undefined : core.events.findById(current.eventId)
    const groups = join === undefined ? undefined : groupsBeforeOf(core, join)
    if (groups !== undefined) return fill(core, groups)
  } catch (cause) {
    if (!(cause instanceof UnresolvedError)) throw cause
    return planned(core, cause.groups)
  }
  const remade = remakeStates(core)
  if (remade.kind === 'unresolved') return planned(core, remade.groups)
  if (remade.kind === 'blocked') {
    if (nextUntoldState(core.store) !== undefined) return 'fetch'
    throw new MatrixError(500, 'M_UNKNOWN', 'The states of this room wait for one another')
  }
  return remade.kind === 'none' ? 'ready' : 'more'
}

/** Plans a resolution. The caller holds the transaction. */
export function planned(core: RoomCore, groups: readonly number[]): 'resolving' {
  planResolution(core.store, groups)
  core.due.ensure(RESOLVE_DUE, '', core.nowMs() + RESOLVE_RETRY_MS)
  core.repairs?.planResolution()
  return 'resolving'
}

/** The entries of the state before the join that are still to be looked at, by room; looking at one again changes nothing. */
const filling = new WeakMap<RoomCore, (readonly [kid: number, nid: number])[]>()

function fill(core: RoomCore, groups: readonly number[]): 'more' {
  const { current } = core.partial
  if (current === undefined) return 'more'
  const group = resolveGroups(core, groups, core.roomId, core.rules)
  const left = filling.get(core) ?? [...core.groups.all(group)]
  filling.set(core, left)
  for (const [kid, nid] of left.splice(-FILL_SLICE_ENTRIES)) fillKey(core, kid, nid, current.statePos)
  if (left.length > 0) return 'more'
  filling.delete(core)
  writePartialRoom(core.store, { ...current, filled: true })
  core.partial.forget()
  return 'more'
}
