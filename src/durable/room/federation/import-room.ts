import { badJson, forbidden, limitExceeded, MatrixError, tooLarge, unsupportedRoomVersion } from '../../../matrix/errors.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { checkAgainstAuthEvents, checkAuth } from '../../../state-resolution/auth/check-auth.ts'
import { isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import { insertGaps } from '../../../storage/room/gaps.ts'
import { clearStagedImports, countStagedImports, insertStagedImports, type StagedImport } from '../../../storage/room/import-staging.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import { type RoomHead, writeRoomHead } from '../../../storage/room/room-row.ts'
import { EMPTY_GROUP } from '../../../storage/room/state-groups.ts'
import { persistLive } from '../append/append-local-event.ts'
import type { Draft } from '../append/draft.ts'
import { type Committed, finishDraft } from '../append/finish-draft.ts'
import { followMember } from '../append/follow-member.ts'
import { groupAuthState } from '../graph/group-auth-state.ts'
import { moveCurrentState } from '../graph/move-current-state.ts'
import { REGISTRY_DUE, REGISTRY_RETRY_MS } from '../registry-report.ts'
import type { RoomCore } from '../room-core.ts'
import { ImportProgress, type ImportTarget } from './import-progress.ts'
import { IMPORT_TIMEOUT_MS, MAX_IMPORT_CHUNK, MAX_IMPORT_EVENTS } from './limits.ts'

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
  readonly join: JsonObject
}

/** What this life of the object knows of the import under way. */
interface HeardImport {
  /** When something was last heard of it. */
  atMs: number
  staged: number | undefined
  progress: ImportProgress | undefined
}

const lastHeard = new WeakMap<RoomCore, HeardImport>()

/** Notes that somebody is at it. */
function heardOf(core: RoomCore): HeardImport {
  const heard = lastHeard.get(core) ?? { atMs: 0, staged: undefined, progress: undefined }
  heard.atMs = core.nowMs()
  lastHeard.set(core, heard)
  return heard
}

function isUnderWay(core: RoomCore): boolean {
  return core.nowMs() - (lastHeard.get(core)?.atMs ?? 0) < IMPORT_IDLE_MS
}

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
  if (isUnderWay(core)) throw limitExceeded(1000)
  lastHeard.delete(core)
  if (existing?.life === 'active') {
    if (existing.version !== request.version) throw forbidden('The other server says that the room has another version')
    core.store.transaction(undefined, () => clearStagedImports(core.store))
    heardOf(core)
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
  heardOf(core)
}

/**
 * Takes in events as another server sent them, for {@link advanceImport} to look at: the Worker has checked their signatures and hashes.
 * @throws MatrixError M_TOO_LARGE for a chunk or a room that is too large.
 */
export function stageImport(core: RoomCore, generation: string, staged: readonly StagedImport[]): void {
  importing(core, generation)
  if (staged.length > MAX_IMPORT_CHUNK) throw tooLarge(`At most ${MAX_IMPORT_CHUNK} events at a time`)
  const heard = heardOf(core)
  heard.staged ??= countStagedImports(core.store)
  if (heard.staged + staged.length > MAX_IMPORT_EVENTS) throw tooLarge(`A room that is joined has at most ${MAX_IMPORT_EVENTS} events`)
  core.store.transaction(undefined, () => insertStagedImports(core.store, staged))
  heard.staged += staged.length
  heard.progress = undefined
}

/** What one turn of an import came to. */
export interface ImportAdvance {
  readonly isDone: boolean
  /** Events refused so far: they are no part of any state. */
  readonly refused: number
}

/** Looks at some of what was staged: one commit. To be repeated until it is done. @throws MatrixError M_FORBIDDEN for state that is none. */
export function advanceImport(core: RoomCore, generation: string): ImportAdvance {
  const target = importing(core, generation)
  const heard = heardOf(core)
  heard.progress ??= new ImportProgress(target)
  const { progress } = heard
  try {
    if (!progress.isDone) core.store.transaction(undefined, () => progress.step())
  } catch (cause) {
    heard.progress = undefined
    core.forgetCaches()
    throw cause
  }
  return { isDone: progress.isDone, refused: progress.refused }
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
      const group = importState(core, head.roomId, rules, progress.state, parsed.event)
      draft.head = { ...draft.head, headPos: pos }
      if (foundedAtPos === undefined) moveCurrentState(core, draft, group, pos)
      else foundState(core, draft, group, progress.state, pos)
      const stored = placeJoin(core, draft, parsed.event)
      clearStagedImports(core.store)
      core.due.clear(IMPORT_DUE, '')
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
function importState(core: RoomCore, roomId: string, rules: RoomVersionRules, state: ReadonlyMap<number, number>, join: RoomEvent): number {
  const known = core.events.findById(join.eventId)
  const entries = [...state].filter(([, nid]) => nid !== known?.nid).map(([kid, nid]) => ({ kid, nid }))
  const group = core.groups.extend(EMPTY_GROUP, entries)
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

/** Takes an import back: a room that was never here has never been. */
export function abortImport(core: RoomCore, generation: string): void {
  const head = core.findHead()
  lastHeard.delete(core)
  if (head?.life === 'active') core.store.transaction(undefined, () => clearStagedImports(core.store))
  if (head?.life === 'joining' && head.generation === generation) wipe(core)
}

/** Due work of kind {@link IMPORT_DUE}: takes back what a crash cut off. */
export function expireImport(core: RoomCore): 'done' | { readonly again: number } {
  if (isUnderWay(core)) return { again: core.nowMs() + IMPORT_IDLE_MS }
  if (core.findHead()?.life === 'joining') wipe(core)
  return 'done'
}

/** Tables that a room in life `joining` has rows in. */
const IMPORTED_TABLES = ['import_staging', 'events', 'state_keys', 'current_state', 'state_log', 'members', 'room'] as const

function wipe(core: RoomCore): void {
  core.store.transaction(undefined, () => {
    for (const table of IMPORTED_TABLES) core.store.run(`DELETE FROM ${table}`)
  })
  core.forgetCaches()
  core.forgetHead()
}

function importing(core: RoomCore, generation: string): ImportTarget & { readonly head: RoomHead } {
  const head = core.findHead()
  if (head === undefined || (head.life === 'joining' && head.generation !== generation) || head.life === 'purged') {
    throw new MatrixError(409, 'M_UNKNOWN', 'Another attempt at joining the room has begun')
  }
  if (head.life === 'active' && core.members.hasLocalJoined()) throw new MatrixError(409, 'M_ROOM_IN_USE', 'This server is in that room')
  const rules = findRoomVersionRules(head.version)
  if (rules === undefined) throw unsupportedRoomVersion()
  return { core, head, roomId: head.roomId, rules, foundedAtPos: head.life === 'joining' ? FIRST_POS : undefined }
}
