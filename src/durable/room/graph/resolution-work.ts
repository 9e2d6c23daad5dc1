import { log } from '../../../runtime/log.ts'
import { letOthersRun } from '../../../runtime/turns.ts'
import { PartReader, type ResolutionCursor, readCursor, stepResolution } from '../../../state-resolution/index.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { findResolution } from '../../../storage/room/resolutions.ts'
import { endResolving, readResolving, readResolvingParts, saveResolving } from '../../../storage/room/resolving.ts'
import type { CommitQueue } from '../append/commit-queue.ts'
import type { RoomCore } from '../room-core.ts'
import { resolutionEventsOf } from './resolution-events.ts'
import { beginResolution, rememberResolution } from './resolve-groups.ts'
import { planMissing, retryStaged } from './retry-staged.ts'

/** `due` kind of the work of resolving large states. */
export const RESOLVE_DUE = 'resolve'
/** When the alarm looks whether it has ended. */
export const RESOLVE_RETRY_MS = 30_000
/** Events looked at in one slice, between two turns of the event loop: some milliseconds. */
const SLICE_EVENTS = 250
/** Slices after which the progress is stored. */
const SLICES_PER_SAVE = 8

/**
 * Resolves states outside of the transactions that need them, in slices between which the room goes on with everything else. What has ended is
 * remembered, and whatever waits for it is tried again.
 */
export class ResolutionWork {
  readonly #core: RoomCore
  readonly #queue: CommitQueue
  #running: Promise<DueResult> | undefined

  constructor(core: RoomCore, queue: CommitQueue) {
    this.#core = core
    this.#queue = queue
  }

  /** Resolves everything that is planned. One run at a time. Never fails. */
  run(): Promise<DueResult> {
    this.#running ??= this.#runAll().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #runAll(): Promise<DueResult> {
    for (;;) {
      const next = this.#core.findHead()?.life === 'active' ? readResolving(this.#core.store) : undefined
      if (next === undefined) return 'settled'
      try {
        await this.#resolve(next)
      } catch (cause) {
        log.error('a state could not be resolved', cause)
        return { again: this.#core.nowMs() + RESOLVE_RETRY_MS }
      }
      await this.#queue.enqueue('resolution', (draft) => planMissing(this.#core, retryStaged(this.#core, draft)))
      this.#core.repairs?.committed()
    }
  }

  async #resolve(groups: readonly number[]): Promise<void> {
    const core = this.#core
    let cursor = this.#cursorOf(groups)
    for (let slices = 1; cursor !== undefined; slices += 1) {
      const result = stepResolution(cursor, resolutionEventsOf(core).hold(core.roomId), core.rules, { events: SLICE_EVENTS })
      if (result.done) {
        core.store.transaction(undefined, () => {
          rememberResolution(core, groups, result.state)
          endResolving(core.store, groups)
        })
        return
      }
      cursor = result.cursor
      if (slices % SLICES_PER_SAVE === 0) this.#save(groups, cursor)
      await letOthersRun()
    }
    core.store.transaction(undefined, () => endResolving(core.store, groups))
  }

  /** Where a resolution stands; `undefined` where it is known already. */
  #cursorOf(groups: readonly number[]): ResolutionCursor | undefined {
    const core = this.#core
    if (findResolution(core.store, groups) !== undefined) return undefined
    const parts = new PartReader()
    for (const part of readResolvingParts(core.store, groups)) parts.add(part)
    return readCursor(parts.value()) ?? beginResolution(core, groups, core.rules)
  }

  #save(groups: readonly number[], cursor: ResolutionCursor): void {
    const { store } = this.#core
    store.transaction(undefined, () => saveResolving(store, groups, cursor.parts()))
  }
}
