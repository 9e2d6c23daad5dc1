import { nowMs } from '../../runtime/clock.ts'

/**
 * Positive answers kept per isolate. Accounts and rooms are never forgotten by the registry, with the exception of rooms that could not be joined after all:
 * of those there is an object that says so.
 */
const MAX_PRESENT = 20_000
/** Negative answers kept per isolate; a flood of made-up names pushes out only other made-up names. */
const MAX_ABSENT = 2_000
/** How long "there is none" is believed. */
const ABSENT_LIFETIME_MS = 5_000

/** What is known in this isolate about which names exist, so that existence is asked of the registry once a name and not once a request. */
export class ExistenceCache {
  readonly #present = new Set<string>()
  readonly #absent = new Map<string, number>()

  /** Whether a name exists, or `undefined` if the registry must be asked. */
  get(name: string): boolean | undefined {
    if (this.#present.has(name)) return true
    const askedAt = this.#absent.get(name)
    if (askedAt === undefined) return undefined
    if (nowMs() - askedAt < ABSENT_LIFETIME_MS) return false
    this.#absent.delete(name)
    return undefined
  }

  /** Remembers the registry's answer, or what this isolate has just created. */
  set(name: string, exists: boolean): void {
    if (exists) {
      this.#absent.delete(name)
      this.#present.add(name)
      forgetOldest(this.#present, MAX_PRESENT)
    } else {
      this.#absent.set(name, nowMs())
      forgetOldest(this.#absent, MAX_ABSENT)
    }
  }

  /** The registry does not know a name any more. */
  forget(name: string): void {
    this.#present.delete(name)
  }
}

function forgetOldest(entries: Set<string> | Map<string, number>, max: number): void {
  if (entries.size <= max) return
  const oldest = entries.keys().next()
  if (!oldest.done) entries.delete(oldest.value)
}
