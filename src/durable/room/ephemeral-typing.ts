import { parseUserId } from '../../matrix/ids/user-id.ts'
import { log } from '../../runtime/log.ts'
import { MAX_TYPING_USERS } from '../../storage/room/limits.ts'
import type { FanOut } from './fan-out.ts'
import type { RoomCore } from './room-core.ts'

/** Longest time that one request may claim to type for. */
const MAX_TYPING_MS = 120_000

/**
 * Who is typing: in memory, with the position of the list's last change. Those who stop without saying so are taken off by a timer, which lives
 * only as long as somebody types. A new life of the object starts with nobody and counts as a change, so that clients hear of it once.
 */
export class Typing {
  readonly #core: RoomCore
  readonly #fanOut: FanOut
  readonly #onChange: (userId: string, isTyping: boolean) => void
  /** Until when each user types, in milliseconds since the epoch. */
  readonly #until = new Map<string, number>()
  #changedPos: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param onChange hears of users of this server who type, go on typing or have stopped. */
  constructor(core: RoomCore, fanOut: FanOut, onChange: (userId: string, isTyping: boolean) => void) {
    this.#core = core
    this.#fanOut = fanOut
    this.#onChange = onChange
  }

  /** A user types for so long from now; 0: has stopped. */
  set(userId: string, timeoutMs: number): void {
    const expired = this.#expire()
    const typed = this.#until.has(userId)
    if (timeoutMs > 0) {
      if (typed || this.#until.size < MAX_TYPING_USERS) {
        this.#until.set(userId, this.#core.nowMs() + Math.min(timeoutMs, MAX_TYPING_MS))
      }
    } else {
      this.#until.delete(userId)
    }
    this.#tell(userId)
    if (expired || typed !== this.#until.has(userId)) this.#changed()
    this.#schedule()
  }

  /** Takes a user off the list without ringing anybody. */
  forget(userId: string): void {
    if (!this.#until.delete(userId)) return
    this.#changedPos = this.#core.takeMemoryPos(undefined)
    this.#tell(userId)
  }

  /** The whole list as the content of an `m.typing` event, if it changed in `afterPos < pos ≤ toPos`. */
  content(afterPos: number, toPos: number, ignoredUsers: readonly string[]): string | undefined {
    const changedPos = this.#changedPos ?? this.#core.bootPos
    if (changedPos === 0 || changedPos <= afterPos || changedPos > toPos) return undefined
    const now = this.#core.nowMs()
    const users = [...this.#until].filter(([userId, until]) => until > now && !ignoredUsers.includes(userId)).map(([userId]) => userId)
    return JSON.stringify({ user_ids: users })
  }

  #changed(): void {
    this.#changedPos = this.#core.takeMemoryPos(undefined)
    this.#fanOut.ring()
  }

  /** Removes those whose time is up; whether there were any. */
  #expire(): boolean {
    const now = this.#core.nowMs()
    let removed = false
    for (const [userId, until] of this.#until) {
      if (until > now) continue
      removed = this.#until.delete(userId) || removed
      this.#tell(userId)
    }
    return removed
  }

  #tell(userId: string): void {
    if (parseUserId(userId)?.serverName === this.#core.config.serverName) this.#onChange(userId, this.#until.has(userId))
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#until.size === 0) return
    const next = Math.min(...this.#until.values())
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, next - this.#core.nowMs()))
  }

  #onTimer(): void {
    this.#timer = undefined
    try {
      if (this.#expire()) this.#changed()
    } catch (cause) {
      log.warn('clients will hear only later that somebody stopped typing', cause)
    }
    this.#schedule()
  }
}
