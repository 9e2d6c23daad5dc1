import type { Env } from '../../runtime/bindings.ts'
import type { Listener } from './fan-out.ts'

/** Rooms that are remembered; the one that was remembered first makes place. */
const MAX_ROOMS = 100

interface Remembered {
  readonly generation: string
  readonly listeners: ReadonlyMap<string, Listener>
}

/**
 * What large rooms knew of their listeners when their objects left memory (docs/design/feed.md, "Sleep"). It lives as long as the isolate. As nothing of a room
 * happens outside it, nobody has pulled, left or lost a mark that is not in here.
 */
export class RememberedListeners {
  readonly #rooms = new Map<string, Remembered>()

  /** Keeps the listeners of a room, as they are from now on. */
  remember(roomId: string, remembered: Remembered): void {
    this.#rooms.delete(roomId)
    this.#rooms.set(roomId, remembered)
    for (const first of this.#rooms.keys()) {
      if (this.#rooms.size <= MAX_ROOMS) return
      this.#rooms.delete(first)
    }
  }

  /** What the room's earlier life knew of a member; `undefined` where that was of another generation, or nobody remembers. */
  recall(roomId: string, generation: string): ((userId: string) => Listener | undefined) | undefined {
    const found = this.#rooms.get(roomId)
    return found?.generation === generation ? (userId) => found.listeners.get(userId) : undefined
  }
}

const ofIsolate = new WeakMap<object, RememberedListeners>()

/** Of this isolate, where it is the only one: self-hosted. Elsewhere a room may have lived somewhere else meanwhile, and what is remembered of it be wrong. */
export function rememberedListenersOf(env: Env): RememberedListeners | undefined {
  if (env.MYELIN_CONTROL_TOKEN === undefined) return undefined
  let remembered = ofIsolate.get(env)
  if (remembered === undefined) {
    remembered = new RememberedListeners()
    ofIsolate.set(env, remembered)
  }
  return remembered
}
