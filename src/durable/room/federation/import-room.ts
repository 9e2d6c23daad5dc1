import { forbidden, limitExceeded, MatrixError, tooLarge, unsupportedRoomVersion } from '../../../matrix/errors.ts'
import { findRoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { letOthersRun } from '../../../runtime/turns.ts'
import { openRegistry } from '../../../storage/d1/open.ts'
import { forgetRoom, registerRooms } from '../../../storage/d1/rooms.ts'
import { clearSomeStagedImports, countStagedImports, insertStagedImports, type StagedImport } from '../../../storage/room/import-staging.ts'
import { type RoomHead, writeRoomHead } from '../../../storage/room/room-row.ts'
import { EMPTY_GROUP } from '../../../storage/room/state-groups.ts'
import type { RoomCore } from '../room-core.ts'
import { ImportProgress } from './import-progress.ts'
import { heardOf, IMPORT_DUE, IMPORT_IDLE_MS, importing, isUnderWay, lastHeard } from './import-under-way.ts'
import { IMPORT_DELETED_ROWS, IMPORT_TIMEOUT_MS, MAX_IMPORT_CHUNK, MAX_IMPORT_EVENTS } from './limits.ts'

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
export async function beginImport(core: RoomCore, request: ImportBegin): Promise<void> {
  const rules = findRoomVersionRules(request.version)
  if (rules === undefined) throw unsupportedRoomVersion()
  const existing = core.findHead()
  const now = core.nowMs()
  if (existing?.life === 'purged') throw core.unknownRoom()
  if (existing?.life === 'active' && core.members.hasLocalJoined())
    throw new MatrixError(409, 'M_ROOM_IN_USE', 'This server is in that room')
  if (isUnderWay(core)) throw limitExceeded(1000)
  if (existing?.life === 'active' && existing.version !== request.version) {
    throw forbidden('The other server says that the room has another version')
  }
  lastHeard.delete(core)
  heardOf(core)
  if (existing?.life === 'active') {
    await clearStaged(core, isAt(core))
    return
  }
  if (existing?.life === 'joining') await wipe(core, isAt(core))
  // Whatever an attempt that was given up has looked at meanwhile is gone.
  lastHeard.delete(core)
  heardOf(core)
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
  await register(core, head)
}

/** What others send of the room from now on is kept for it, wherever it arrives: the registry knows the room before another server hears of the join. */
async function register(core: RoomCore, { roomId, version, createdTs }: RoomHead): Promise<void> {
  try {
    await registerRooms(openRegistry(core.env, undefined), { rooms: [{ roomId, version, createdTs }] })
  } catch (cause) {
    // Whoever tries next need not wait for this attempt.
    lastHeard.delete(core)
    throw cause
  }
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
export async function abortImport(core: RoomCore, generation: string): Promise<void> {
  const head = core.findHead()
  if (head?.life === 'joining' && head.generation !== generation) return
  // Until all of it is gone, the next import waits.
  if (head?.life === 'active') await clearStaged(core, isAt(core))
  if (head?.life === 'joining') await wipe(core, isAt(core))
  lastHeard.delete(core)
}

/** Due work of kind {@link IMPORT_DUE}: takes back what a crash cut off, and deletes what an import that has ended leaves behind. */
export async function expireImport(core: RoomCore): Promise<'done' | { readonly again: number }> {
  if (isUnderWay(core)) return { again: core.nowMs() + IMPORT_IDLE_MS }
  const life = core.findHead()?.life
  // Whoever begins another import meanwhile clears up for themselves.
  const goOn = (): boolean => !isUnderWay(core)
  const isCleared = life === 'joining' ? await wipe(core, goOn) : life !== 'active' || (await clearStaged(core, goOn))
  return isCleared ? 'done' : { again: core.nowMs() + IMPORT_IDLE_MS }
}

/** Says, whenever it is asked, that somebody is at it. */
function isAt(core: RoomCore): () => boolean {
  return () => {
    heardOf(core)
    return true
  }
}

/** Tables that a room in life `joining` has rows in. */
const IMPORTED_TABLES = ['import_staging', 'events', 'state_keys', 'current_state', 'state_log', 'members', 'room'] as const

/** Of those, the ones that grow with the room: they are emptied bit by bit first. */
const LARGE_TABLES = [
  ['events', 'nid'],
  ['state_keys', 'kid'],
  ['current_state', 'kid'],
  ['state_log', 'kid'],
  ['members', 'user_id'],
] as const

/**
 * Takes a room in life `joining` back, others having their turns meanwhile, and has the registry forget it. Its head goes last: what is cut off here is done
 * again. Answers whether it was not stopped.
 */
async function wipe(core: RoomCore, goOn: () => boolean): Promise<boolean> {
  const { store } = core
  if (!(await clearStaged(core, goOn))) return false
  for (const [table, key] of LARGE_TABLES) {
    for (let isLeft = true; isLeft; ) {
      const query = `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} LIMIT ${IMPORT_DELETED_ROWS})`
      isLeft = store.transaction(undefined, () => store.run(query)) > 0
      if (isLeft) await letOthersRun()
      if (!goOn()) return false
    }
  }
  const roomId = core.findHead()?.roomId
  if (roomId !== undefined) await forgetRoom(openRegistry(core.env, undefined), roomId)
  if (!goOn()) return false
  store.transaction(undefined, () => {
    for (const table of IMPORTED_TABLES) store.run(`DELETE FROM ${table}`)
  })
  core.forgetCaches()
  core.forgetHead()
  return true
}

/** Deletes what is staged, others having their turns meanwhile. Answers whether it was not stopped. */
async function clearStaged(core: RoomCore, goOn: () => boolean): Promise<boolean> {
  while (core.store.transaction(undefined, () => clearSomeStagedImports(core.store, IMPORT_DELETED_ROWS))) {
    await letOthersRun()
    if (!goOn()) return false
  }
  return true
}
