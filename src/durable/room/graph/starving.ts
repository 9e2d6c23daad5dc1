import type { RoomCore } from '../room-core.ts'
import { MAX_HELD_UP_MS, MAX_RESOLUTION_WAITS, MAX_STAGED_LOOKED_AT } from './limits.ts'

/**
 * Events that have waited for resolutions in vain, because others moved the room on meanwhile. After a few times what else is received waits for them: the states to be
 * resolved stay what they are, and the resolution beside the room's life comes to an end that is of use. In memory: another life of the object begins anew.
 */
export class Starving {
  readonly #waits = new Map<string, number>()
  readonly #starving = new Set<string>()
  #sinceMs = 0

  /** A staged event is tried again after a resolution. */
  tried(eventId: string, nowMs: number): void {
    if (this.#waits.size >= MAX_STAGED_LOOKED_AT) this.#waits.clear()
    const waits = (this.#waits.get(eventId) ?? 0) + 1
    this.#waits.set(eventId, waits)
    if (waits < MAX_RESOLUTION_WAITS || this.#starving.has(eventId)) return
    if (this.#starving.size === 0) this.#sinceMs = nowMs
    this.#starving.add(eventId)
  }

  /** An event waits no longer. */
  ended(eventId: string): void {
    this.#waits.delete(eventId)
    this.#starving.delete(eventId)
  }

  /** Only these are staged still. Whoever has held others up for long enough begins anew. */
  review(staged: ReadonlyMap<string, unknown>, nowMs: number): void {
    const isOver = nowMs - this.#sinceMs > MAX_HELD_UP_MS
    for (const eventId of [...this.#starving]) if (isOver || !staged.has(eventId)) this.ended(eventId)
  }

  /** Whether an event has to wait because others starve. */
  holdsUp(eventId: string): boolean {
    return this.#starving.size > 0 && !this.#starving.has(eventId)
  }
}

const ofRooms = new WeakMap<RoomCore, Starving>()

/** The events of a room that starve. */
export function starvingOf(core: RoomCore): Starving {
  const known = ofRooms.get(core) ?? new Starving()
  ofRooms.set(core, known)
  return known
}
