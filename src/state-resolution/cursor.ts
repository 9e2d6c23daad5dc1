import type { EventId } from '../matrix/events/room-event.ts'
import type { StateMapKey } from './state-map.ts'
import type { V1Progress } from './v1.ts'
import type { V2Progress } from './v2.ts'

/** Version of the form of cursors. Cursors of another form cannot be resumed; their resolution starts again. */
export const CURSOR_FORMAT = 1

/**
 * A resolution that has not ended: plain JSON, complete in itself, so that it can be stored and resumed elsewhere. Opaque except for its
 * type. It is never changed: resuming the same cursor twice gives the same result twice.
 */
export interface ResolutionCursor {
  readonly format: typeof CURSOR_FORMAT
  /** The room version whose rules it was started under. */
  readonly roomVersion: string
  readonly unconflicted: readonly (readonly [StateMapKey, EventId])[]
  readonly progress: V1Progress | V2Progress
}

/**
 * A cursor read back from where it was stored; `undefined` if it has another form than this code writes, in which case the resolution must
 * be started again. Only the heading is checked: cursors come from our own storage.
 */
export function readCursor(json: unknown): ResolutionCursor | undefined {
  return isCursor(json) ? json : undefined
}

function isCursor(json: unknown): json is ResolutionCursor {
  if (typeof json !== 'object' || json === null || !('format' in json) || json.format !== CURSOR_FORMAT) return false
  return 'roomVersion' in json && typeof json.roomVersion === 'string' && 'unconflicted' in json && 'progress' in json
}
