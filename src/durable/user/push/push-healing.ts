import { healUnread } from '../unread-heal.ts'
import type { UserCore } from '../user-core.ts'

/** Learns what rooms did not say when they rang, for users whose phones are to be told: with pushers nobody waits for the next sync. */
export class PushHealing {
  readonly #core: UserCore
  #running: Promise<void> | undefined
  #again = false

  constructor(core: UserCore) {
    this.#core = core
  }

  /** A room rang. Costs nothing where it said everything, or without pushers. */
  rang(roomId: string): void {
    if (!this.#core.push.any || !this.#core.unread.behind.has(roomId)) return
    this.#again = true
    this.#running ??= this.#heal().finally(() => {
      this.#running = undefined
    })
    this.#core.ctx.waitUntil(this.#running)
  }

  async #heal(): Promise<void> {
    while (this.#again) {
      this.#again = false
      await healUnread(this.#core, 'push')
    }
  }
}
