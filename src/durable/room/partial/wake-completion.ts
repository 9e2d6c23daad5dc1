import { log } from '../../../runtime/log.ts'
import { countCost } from '../../../runtime/metrics.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import type { RoomCore } from '../room-core.ts'
import { completionPlan } from './complete-state.ts'
import { PARTIAL_WATCH_MS } from './limits.ts'

/** The object that completes rooms, as a room sees it. */
export interface Completer {
  complete(): Promise<unknown>
}

/** Has the room's state fetched, if it is not whole. Never fails: the alarm repeats it. */
export async function wakeCompletion(core: RoomCore, completer: Completer): Promise<void> {
  if (core.findHead()?.life !== 'active' || completionPlan(core).next === 'done') return
  countCost('rpc')
  try {
    await completer.complete()
  } catch (cause) {
    log.warn('the state of a room will be completed later', cause)
  }
}

/** Due work of kind `partial`. */
export async function watchCompletion(core: RoomCore, completer: Completer): Promise<DueResult> {
  if (completionPlan(core).next === 'done') return 'done'
  await wakeCompletion(core, completer)
  return { again: core.nowMs() + PARTIAL_WATCH_MS }
}
