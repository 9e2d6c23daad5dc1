import { MAX_FLEETING_EDUS } from './limits.ts'

/** EDUs that nobody misses after a crash, typing and presence, the latest of each kind and subject. */
export class FleetingEdus {
  readonly #bodies = new Map<string, string>()

  /** Adds one in the place of an earlier one with the same type and key. @param body canonical JSON of the whole EDU. */
  add(type: string, key: string, body: string): void {
    const id = `${type}\u0000${key}`
    this.#bodies.delete(id)
    this.#bodies.set(id, body)
    if (this.#bodies.size <= MAX_FLEETING_EDUS) return
    const oldest = this.#bodies.keys().next()
    if (!oldest.done) this.#bodies.delete(oldest.value)
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#bodies.size === 0
  }

  /** Takes the oldest ones out. */
  take(limit: number): string[] {
    const taken = [...this.#bodies].slice(0, limit)
    for (const [id] of taken) this.#bodies.delete(id)
    return taken.map(([, body]) => body)
  }

  /** Forgets all of them: they would be stale by the time that they can be sent. */
  clear(): void {
    this.#bodies.clear()
  }
}
