import { MatrixError, unsupportedRoomVersion } from '../../../matrix/errors.ts'
import { findRoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import type { RoomHead } from '../../../storage/room/room-row.ts'
import type { RoomCore } from '../room-core.ts'
import type { ImportProgress, ImportTarget } from './import-progress.ts'

/** `due` kind of the work of taking back an import that has not ended. */
export const IMPORT_DUE = 'import'
/** An import that nothing was heard of for so long may be replaced by another. */
export const IMPORT_IDLE_MS = 60_000
/** Positions left free below the join: room for history that is fetched later. */
export const FIRST_POS = 1024

/** What this life of the object knows of the import under way. */
export interface HeardImport {
  /** When something was last heard of it. */
  atMs: number
  staged: number | undefined
  progress: ImportProgress | undefined
}

/** The imports that rooms of this isolate have under way. */
export const lastHeard = new WeakMap<RoomCore, HeardImport>()

/** Notes that somebody is at it, and gives what is known of it. */
export function heardOf(core: RoomCore): HeardImport {
  const heard = lastHeard.get(core) ?? { atMs: 0, staged: undefined, progress: undefined }
  heard.atMs = core.nowMs()
  lastHeard.set(core, heard)
  return heard
}

/** Whether something was heard of an import not long ago. */
export function isUnderWay(core: RoomCore): boolean {
  return core.nowMs() - (lastHeard.get(core)?.atMs ?? 0) < IMPORT_IDLE_MS
}

/**
 * The room that an import of this name is to make.
 * @throws MatrixError 409 where another import has begun, or somebody here is in the room.
 */
export function importing(core: RoomCore, generation: string): ImportTarget & { readonly head: RoomHead } {
  const head = core.findHead()
  if (head === undefined || (head.life === 'joining' && head.generation !== generation) || head.life === 'purged') {
    throw new MatrixError(409, 'M_UNKNOWN', 'Another attempt at joining the room has begun')
  }
  if (head.life === 'active' && core.members.hasLocalJoined()) throw new MatrixError(409, 'M_ROOM_IN_USE', 'This server is in that room')
  const rules = findRoomVersionRules(head.version)
  if (rules === undefined) throw unsupportedRoomVersion()
  return { core, head, roomId: head.roomId, rules, foundedAtPos: head.life === 'joining' ? FIRST_POS : undefined }
}
