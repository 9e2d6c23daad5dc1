import type { EventId } from '../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../matrix/room-versions/rules.ts'
import { partsOf, type StoredPart } from './cursor-parts.ts'
import type { Slice } from './resolve/slice.ts'
import type { StateMap, StateMapKey } from './state-map.ts'
import { type V1Progress, V1Resolution } from './v1.ts'
import { V2Resolution } from './v2.ts'
import type { V2Progress } from './v2-progress.ts'

/** Version of the form of stored cursors. Cursors of another form cannot be resumed; their resolution starts again. */
const CURSOR_FORMAT = 2

/** A cursor as JSON. */
export interface CursorData {
  readonly format: typeof CURSOR_FORMAT
  /** The room version whose rules it was started under. */
  readonly roomVersion: string
  readonly unconflicted: readonly (readonly [StateMapKey, EventId])[]
  readonly progress: V1Progress | V2Progress
}

/** One of the algorithms, under way. */
interface Resolution {
  /** Goes on as far as the budget allows; the entries to add to the unconflicted state, if the end was reached. */
  advance(slice: Slice): StateMap | undefined
  save(): V1Progress | V2Progress
}

/**
 * A resolution that has not ended. It moves on with every slice; {@link ResolutionCursor.parts}, or `JSON.stringify` where size does not
 * matter, gives all that is needed to resume it elsewhere, as of then.
 */
export class ResolutionCursor {
  readonly #roomVersion: string
  readonly #unconflicted: StateMap
  #progress: V1Progress | V2Progress | undefined
  #resolution: Resolution | undefined
  #interrupted = false
  #slices = 0

  constructor(roomVersion: string, unconflicted: StateMap, progress: V1Progress | V2Progress) {
    this.#roomVersion = roomVersion
    this.#unconflicted = unconflicted
    this.#progress = progress
  }

  /**
   * Goes on for one slice; the resolved state, if the end was reached.
   * @throws Error if a slice of it has thrown before, or was started under other rules: defects of the caller.
   */
  advance(slice: Slice): StateMap | undefined {
    const resolution = this.#resume(slice.rules)
    this.#interrupted = true
    this.#slices += 1
    const resolved = resolution.advance(slice)
    this.#interrupted = false
    // Unconflicted entries prevail over what the resolution found under their keys.
    return resolved && new Map([...resolved, ...this.#unconflicted])
  }

  /** All of it as JSON. To be made into text at once: it shares memory with the cursor. */
  toJSON(): CursorData {
    if (this.#interrupted) throw new Error('a resolution that an error interrupted cannot be stored')
    const progress = this.#resolution?.save() ?? this.#progress
    if (progress === undefined) throw new Error('a cursor without progress')
    return { format: CURSOR_FORMAT, roomVersion: this.#roomVersion, unconflicted: [...this.#unconflicted], progress }
  }

  /**
   * All of it in parts that fit into rows and are made one by one, so that others can work between two of them. They are to be stored together
   * or not at all. Throws if the cursor moves on before the last one, or as {@link toJSON} does.
   */
  *parts(): Generator<StoredPart, void> {
    const slices = this.#slices
    for (const part of partsOf(this.toJSON())) {
      if (this.#slices !== slices) throw new Error('a cursor moved on while it was being stored')
      yield part
    }
  }

  #resume(rules: RoomVersionRules): Resolution {
    if (this.#interrupted) throw new Error('a resolution that an error interrupted cannot go on')
    if (rules.version !== this.#roomVersion) throw new Error('a resolution cannot change its rules')
    this.#resolution ??= begin(this.#progress, this.#unconflicted, rules)
    this.#progress = undefined
    return this.#resolution
  }
}

function begin(progress: V1Progress | V2Progress | undefined, unconflicted: StateMap, rules: RoomVersionRules): Resolution {
  if (progress === undefined) throw new Error('a cursor without progress')
  return progress.algorithm === 'v1' ? new V1Resolution(progress, unconflicted) : new V2Resolution(progress, unconflicted, rules)
}

/**
 * A cursor read back from where its JSON was stored; `undefined` if it has another form than this code writes, in which case the resolution
 * must be started again. Only the heading is checked: cursors come from our own storage.
 */
export function readCursor(json: unknown): ResolutionCursor | undefined {
  return isCursorData(json) ? new ResolutionCursor(json.roomVersion, new Map(json.unconflicted), json.progress) : undefined
}

function isCursorData(json: unknown): json is CursorData {
  if (typeof json !== 'object' || json === null || !('format' in json) || json.format !== CURSOR_FORMAT) return false
  return 'roomVersion' in json && typeof json.roomVersion === 'string' && 'unconflicted' in json && 'progress' in json
}
