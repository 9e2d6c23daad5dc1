import { historyVisibilityOf } from '../../../matrix/history-visibility.ts'
import type { RoomCore } from '../room-core.ts'

/** Whether anything of a room's history may be hidden from those who are joined now. Mostly nothing may, and then reads need not look at each event. */
export class PastVisibility {
  readonly #core: RoomCore
  #memo: { readonly nid: number | undefined; readonly never: boolean } | undefined

  constructor(core: RoomCore) {
    this.#core = core
  }

  /** Forgets what a rolled-back transaction may have left. */
  forget(): void {
    this.#memo = undefined
  }

  /** Whether the room's history was readable by later members all along: then whoever is joined may read everything. */
  neverRestricted(): boolean {
    const { keys, state, store } = this.#core
    const kid = keys.find('m.room.history_visibility', '')
    const nid = kid === undefined ? undefined : state.find(kid)
    if (this.#memo === undefined || this.#memo.nid !== nid) {
      const past = kid === undefined ? [] : state.history(kid)
      const never = past.every(({ newNid }) => newNid === 0 || !this.#restricts(newNid))
      this.#memo = { nid, never: never && store.first('SELECT 1 AS one FROM restricted_past') === undefined }
    }
    return this.#memo.never
  }

  /**
   * History was stored whose state before is a given one. Current state may never have been that, and so does not tell who may read it. The caller
   * holds the transaction.
   */
  note(group: number): void {
    const { keys, groups, store } = this.#core
    const kid = keys.find('m.room.history_visibility', '')
    const nid = kid === undefined ? undefined : groups.lookup(group, kid)
    if (nid === undefined || !this.#restricts(nid)) return
    store.run('INSERT OR IGNORE INTO restricted_past (one) VALUES (1)')
    this.#memo = undefined
  }

  #restricts(nid: number): boolean {
    const visibility = historyVisibilityOf(this.#core.roomEvent(this.#core.events.get(nid), this.#core.roomId).content)
    return visibility !== 'shared' && visibility !== 'world_readable'
  }
}
