import { badJson, forbidden, MatrixError } from '../../../matrix/errors.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { checkAgainstAuthEvents, checkAuth } from '../../../state-resolution/auth/check-auth.ts'
import { isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import { insertGaps } from '../../../storage/room/gaps.ts'
import { clearStagedImports, countStagedImports } from '../../../storage/room/import-staging.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import { EMPTY_GROUP } from '../../../storage/room/state-groups.ts'
import { persistLive } from '../append/append-local-event.ts'
import type { Draft } from '../append/draft.ts'
import { type Committed, finishDraft } from '../append/finish-draft.ts'
import { followMember } from '../append/follow-member.ts'
import { groupAuthState } from '../graph/group-auth-state.ts'
import { moveCurrentState } from '../graph/move-current-state.ts'
import { notePartialJoin, type OmittedMembers } from '../partial/begin-partial.ts'
import { REGISTRY_DUE, REGISTRY_RETRY_MS } from '../registry-report.ts'
import type { RoomCore } from '../room-core.ts'
import { FIRST_POS, heardOf, IMPORT_DUE, importing, lastHeard } from './import-under-way.ts'
import { IMPORT_DELETED_ROWS } from './limits.ts'

/** Worker → room: the end of an import. */
export interface ImportFinish {
  readonly generation: string
  readonly join: JsonObject
  /** Where the other server left members out. */
  readonly omitted?: OmittedMembers | undefined
}

/**
 * Ends an import: the state before the join becomes current state, the join the first event that came live. One commit.
 * @throws MatrixError M_FORBIDDEN where the state is no state of this room, or does not allow the join. Nothing has changed then.
 */
export function finishImport(core: RoomCore, request: ImportFinish, requestId: string): Committed {
  const { head, rules, foundedAtPos } = importing(core, request.generation)
  const { progress } = heardOf(core)
  if (progress?.isDone !== true) throw new MatrixError(409, 'M_UNKNOWN', 'Not everything has been looked at')
  const parsed = parsePdu(request.join, rules, head.roomId)
  if (!parsed.ok) throw badJson(`The join is malformed: ${parsed.reason}`)
  try {
    const committed = core.store.transaction(requestId, () => {
      const pos = foundedAtPos ?? core.nextPos + FIRST_POS
      const draft: Draft = {
        head: { ...head, life: 'active' },
        rules,
        nextPos: pos + 1,
        appended: [],
        notices: [],
        localMembersChanged: new Set(),
        outgoing: false,
        tellsServers: false,
      }
      const group = importState(core, head.roomId, rules, progress.state, parsed.event, request.omitted !== undefined)
      draft.head = { ...draft.head, headPos: pos }
      if (foundedAtPos === undefined) moveCurrentState(core, draft, group, pos)
      else foundState(core, draft, group, progress.state, pos)
      notePartialJoin(core, parsed.event, pos, request.omitted)
      const stored = placeJoin(core, draft, parsed.event)
      // Much that was staged is deleted bit by bit; where the rest of the state is to be staged, it must not meet that.
      const isMuch = countStagedImports(core.store) > IMPORT_DELETED_ROWS && request.omitted === undefined
      if (isMuch) core.due.ensure(IMPORT_DUE, '', core.nowMs())
      else {
        clearStagedImports(core.store)
        core.due.clear(IMPORT_DUE, '')
      }
      core.due.ensure(REGISTRY_DUE, '', core.nowMs() + REGISTRY_RETRY_MS)
      // The server that let us in has told the others.
      draft.outgoing = false
      draft.head = { ...draft.head, federationPos: stored.pos ?? 0 }
      return finishDraft(core, draft)
    })
    core.adopt(committed.draft.head)
    lastHeard.delete(core)
    return committed
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
}

/** The state before the join as a group, and the join checked against it. */
function importState(
  core: RoomCore,
  roomId: string,
  rules: RoomVersionRules,
  state: ReadonlyMap<number, number>,
  join: RoomEvent,
  isPartial: boolean,
): number {
  const known = core.events.findById(join.eventId)
  const entries = [...state].filter(([, nid]) => nid !== known?.nid).map(([kid, nid]) => ({ kid, nid }))
  const group = core.groups.extend(EMPTY_GROUP, entries, !isPartial)
  const before = groupAuthState(core, group, roomId)
  if (before.create === undefined) throw forbidden('The other server names no create event')
  const auth = join.authEvents.map((id) => core.events.findById(id))
  const authEvents = auth.flatMap((stored) => (stored === undefined ? [] : core.roomEvent(stored, roomId)))
  const byAuth = checkAgainstAuthEvents(join, authEvents, () => false, rules, before.create)
  if (!byAuth.allowed) throw forbidden(byAuth.message)
  const byState = checkAuth(join, core.partial.withAuthEvents(before, group, authEvents), rules)
  if (!byState.allowed) throw forbidden(byState.message)
  return group
}

/** Current state of a room that was never here: most of it has been written while it was brought; memberships of this server's users follow. */
function foundState(core: RoomCore, draft: Draft, group: number, state: ReadonlyMap<number, number>, pos: number): void {
  draft.head = { ...draft.head, currentGroup: group }
  for (const kid of core.keys.membersOfServer(core.config.serverName, state.size)) {
    const nid = core.groups.lookup(group, kid)
    if (nid === undefined) continue
    core.state.move(kid, nid, pos)
    const event = core.events.get(nid)
    if (event.stateKey !== undefined) followMember(core, draft, event.stateKey, event, pos)
  }
}

/** The join as the only tip of the room, with a gap below it. */
function placeJoin(core: RoomCore, draft: Draft, join: RoomEvent): StoredEvent {
  const known = core.events.findById(join.eventId)
  if (known !== undefined) core.events.removeOutlier(known)
  draft.head = { ...draft.head, extremities: [] }
  const stored = persistLive(core, draft, join, { txn: undefined, replaces: undefined })
  const missing = join.prevEvents.filter((id) => {
    const prev = core.events.findById(id)
    return prev === undefined || !isPlaced(prev)
  })
  insertGaps(core.store, (stored.pos ?? 0) * ORD_STEP, missing)
  return stored
}
