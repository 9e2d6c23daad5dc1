import { badJson, forbidden, limitExceeded, MatrixError, tooLarge, unsupportedRoomVersion } from '../../../matrix/errors.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { checkAgainstAuthEvents, checkAuth } from '../../../state-resolution/auth/check-auth.ts'
import { isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import { insertGaps } from '../../../storage/room/gaps.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import { type RoomHead, writeRoomHead } from '../../../storage/room/room-row.ts'
import { EMPTY_GROUP, type StateEntry } from '../../../storage/room/state-groups.ts'
import { persistLive } from '../append/append-local-event.ts'
import type { Draft } from '../append/draft.ts'
import { type Committed, finishDraft } from '../append/finish-draft.ts'
import { groupAuthState } from '../graph/group-auth-state.ts'
import { importOutlier } from '../graph/import-outlier.ts'
import { moveCurrentState } from '../graph/move-current-state.ts'
import { REGISTRY_DUE, REGISTRY_RETRY_MS } from '../registry-report.ts'
import type { RoomCore } from '../room-core.ts'
import { IMPORT_TIMEOUT_MS, MAX_IMPORT_CHUNK } from './limits.ts'

/** `due` kind of the work of taking back an import that has not ended. */
export const IMPORT_DUE = 'import'
/** An import that nothing was heard of for so long may be replaced by another. */
const IMPORT_IDLE_MS = 60_000
/** Positions left free below the join: room for history that is fetched later. */
const FIRST_POS = 1024

/** Worker → room: a room of other servers is about to be joined. */
export interface ImportBegin {
  readonly roomId: string
  readonly version: string
  /** Names the import, and the life of the room that it founds. */
  readonly generation: string
}

/** Worker → room: the end of an import. */
export interface ImportFinish {
  readonly generation: string
  /** The state before the join: IDs of events that were brought before. */
  readonly stateIds: readonly string[]
  readonly join: JsonObject
}

/** When something was last heard of the import under way, in this life of the object. */
const lastHeardMs = new WeakMap<RoomCore, number>()

/**
 * Begins an import. A room that was never here begins to exist, in life `joining`, which answers nobody; one that everybody here has left stays as it
 * is until the import ends. An import that was cut off is begun anew.
 * @throws MatrixError M_ROOM_IN_USE where somebody here is in the room; M_LIMIT_EXCEEDED while another import is under way.
 */
export function beginImport(core: RoomCore, request: ImportBegin): void {
  const rules = findRoomVersionRules(request.version)
  if (rules === undefined) throw unsupportedRoomVersion()
  const existing = core.findHead()
  const now = core.nowMs()
  if (existing?.life === 'purged') throw core.unknownRoom()
  if (existing?.life === 'active' && core.members.hasLocalJoined())
    throw new MatrixError(409, 'M_ROOM_IN_USE', 'This server is in that room')
  if (now - (lastHeardMs.get(core) ?? 0) < IMPORT_IDLE_MS) throw limitExceeded(1000)
  if (existing?.life === 'active') {
    if (existing.version !== request.version) throw forbidden('The other server says that the room has another version')
    lastHeardMs.set(core, now)
    return
  }
  if (existing?.life === 'joining') wipe(core)
  core.store.migrate()
  const head: RoomHead = {
    roomId: request.roomId,
    version: request.version,
    generation: request.generation,
    life: 'joining',
    headPos: 0,
    reservedPos: 0,
    extremities: [],
    currentGroup: EMPTY_GROUP,
    createdTs: now,
    federationPos: 0,
  }
  core.store.transaction(undefined, () => {
    writeRoomHead(core.store, head)
    core.due.ensure(IMPORT_DUE, '', now + IMPORT_TIMEOUT_MS)
  })
  core.adopt(head)
  lastHeardMs.set(core, now)
}

/**
 * Takes in events as outliers, each after its own auth events: signatures and hashes have been checked by the Worker, the rules are checked here. Answers the IDs of those
 * that the rules refuse, or that rest on what was refused; they are no part of any state.
 * @throws MatrixError M_BAD_JSON for events that are malformed.
 */
export function importEvents(core: RoomCore, generation: string, pdus: readonly JsonObject[]): string[] {
  const { head, rules } = importing(core, generation)
  if (pdus.length > MAX_IMPORT_CHUNK) throw tooLarge(`At most ${MAX_IMPORT_CHUNK} events at a time`)
  lastHeardMs.set(core, core.nowMs())
  const refused: string[] = []
  try {
    core.store.transaction(undefined, () => {
      for (const pdu of pdus) {
        const parsed = parsePdu(pdu, rules, head.roomId)
        if (!parsed.ok) throw badJson(`An event is malformed: ${parsed.reason}`)
        if (importOutlier(core, parsed.event, rules, head.roomId).kind !== 'kept') refused.push(parsed.event.eventId)
      }
    })
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
  return refused
}

/**
 * Ends an import: the state before the join becomes current state, the join the first event that came live. One commit.
 * @throws MatrixError M_FORBIDDEN where the state is no state of this room, or does not allow the join. Nothing has changed then.
 */
export function finishImport(core: RoomCore, request: ImportFinish, requestId: string): Committed {
  const { head, rules } = importing(core, request.generation)
  const parsed = parsePdu(request.join, rules, head.roomId)
  if (!parsed.ok) throw badJson(`The join is malformed: ${parsed.reason}`)
  try {
    const committed = core.store.transaction(requestId, () => {
      // Whether the room is new here or comes back: there is room below for history that is fetched later.
      const pos = (head.life === 'active' ? core.nextPos : 0) + FIRST_POS
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
      const group = importState(core, head.roomId, rules, request.stateIds, parsed.event)
      draft.head = { ...draft.head, headPos: pos }
      moveCurrentState(core, draft, group, pos)
      const stored = placeJoin(core, draft, parsed.event)
      core.due.clear(IMPORT_DUE, '')
      core.due.ensure(REGISTRY_DUE, '', core.nowMs() + REGISTRY_RETRY_MS)
      // The server that let us in has told the others.
      draft.outgoing = false
      draft.head = { ...draft.head, federationPos: stored.pos ?? 0 }
      return finishDraft(core, draft)
    })
    core.adopt(committed.draft.head)
    lastHeardMs.delete(core)
    return committed
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
}

/** The state before the join as a group, and the join checked against it. */
function importState(core: RoomCore, roomId: string, rules: RoomVersionRules, stateIds: readonly string[], join: RoomEvent): number {
  const entries = new Map<number, StateEntry>()
  for (const eventId of stateIds) {
    const stored = core.events.findById(eventId)
    // What the rules refused is no state, whatever the other server says.
    if (stored === undefined || stored.status === 'rejected' || stored.stateKey === undefined || eventId === join.eventId) continue
    const kid = core.keys.intern(stored.type, stored.stateKey)
    if (entries.has(kid)) throw forbidden('The other server names two events for one part of the state')
    entries.set(kid, { kid, nid: stored.nid })
  }
  const group = core.groups.extend(EMPTY_GROUP, [...entries.values()])
  const before = groupAuthState(core, group, roomId)
  if (before.create === undefined) throw forbidden('The other server names no create event')
  const auth = join.authEvents.map((id) => core.events.findById(id))
  const authEvents = auth.flatMap((stored) => (stored === undefined ? [] : core.roomEvent(stored, roomId)))
  const byAuth = checkAgainstAuthEvents(join, authEvents, () => false, rules, before.create)
  if (!byAuth.allowed) throw forbidden(byAuth.message)
  const byState = checkAuth(join, before, rules)
  if (!byState.allowed) throw forbidden(byState.message)
  return group
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

/** Takes an import back: a room that was never here has never been. */
export function abortImport(core: RoomCore, generation: string): void {
  const head = core.findHead()
  lastHeardMs.delete(core)
  if (head?.life === 'joining' && head.generation === generation) wipe(core)
}

/** Due work of kind {@link IMPORT_DUE}: takes back what a crash cut off. */
export function expireImport(core: RoomCore): 'done' | { readonly again: number } {
  const heard = lastHeardMs.get(core)
  if (heard !== undefined && core.nowMs() - heard < IMPORT_IDLE_MS) return { again: core.nowMs() + IMPORT_IDLE_MS }
  if (core.findHead()?.life === 'joining') wipe(core)
  return 'done'
}

/** Tables that a room in life `joining` has rows in. */
const IMPORTED_TABLES = ['events', 'state_keys', 'room'] as const

function wipe(core: RoomCore): void {
  core.store.transaction(undefined, () => {
    for (const table of IMPORTED_TABLES) core.store.run(`DELETE FROM ${table}`)
  })
  core.forgetCaches()
  core.forgetHead()
}

function importing(core: RoomCore, generation: string): { readonly head: RoomHead; readonly rules: RoomVersionRules } {
  const head = core.findHead()
  if (head === undefined || (head.life === 'joining' && head.generation !== generation) || head.life === 'purged') {
    throw new MatrixError(409, 'M_UNKNOWN', 'Another attempt at joining the room has begun')
  }
  if (head.life === 'active' && core.members.hasLocalJoined()) throw new MatrixError(409, 'M_ROOM_IN_USE', 'This server is in that room')
  const rules = findRoomVersionRules(head.version)
  if (rules === undefined) throw unsupportedRoomVersion()
  return { head, rules }
}
