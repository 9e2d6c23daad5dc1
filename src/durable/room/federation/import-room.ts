import { forbidden, limitExceeded, MatrixError, tooLarge, unsupportedRoomVersion } from '../../../matrix/errors.ts'
import { findRoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { clearStagedImports, countStagedImports, insertStagedImports, type StagedImport } from '../../../storage/room/import-staging.ts'
import { type RoomHead, writeRoomHead } from '../../../storage/room/room-row.ts'
import { EMPTY_GROUP } from '../../../storage/room/state-groups.ts'
import type { RoomCore } from '../room-core.ts'
import { ImportProgress } from './import-progress.ts'
import { heardOf, IMPORT_DUE, IMPORT_IDLE_MS, importing, isUnderWay, lastHeard } from './import-under-way.ts'
import { IMPORT_TIMEOUT_MS, MAX_IMPORT_CHUNK, MAX_IMPORT_EVENTS } from './limits.ts'

/** Worker → room: a room of other servers is about to be joined. */
export interface ImportBegin {
  readonly roomId: string
  readonly version: string
  /** Names the import, and the life of the room that it founds. */
  readonly generation: string
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
