import type { Env } from '../../../runtime/bindings.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import type { StagedImport } from '../../../storage/room/import-staging.ts'
import { objectsOf } from '../../objects.ts'
import { FederatedRoom } from '../federation/federated-room.ts'
import type { ImportFinish } from '../federation/finish-import.ts'
import { PARTIAL_DUE } from './begin-partial.ts'
import {
  type CompletionPlan,
  type CompletionTurn,
  completionPlan,
  completionTurn,
  keepWhole,
  numberKeys,
  type StateTold,
  stageWhole,
  tellState,
} from './complete-state.ts'
import { finishCompletion } from './finish-completion.ts'
import { tellCompleted } from './tell-completed.ts'
import { type Completer, wakeCompletion, watchCompletion } from './wake-completion.ts'

/** What completes a room that was joined without its members. A thin shell that `ReadableRoom` extends. */
export abstract class CompletableRoom extends FederatedRoom {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.core.due.handle(PARTIAL_DUE, () => watchCompletion(this.core, this.#completer()))
  }

  override async finishImport(request: ImportFinish, requestId: string): Promise<Outcome<null>> {
    const outcome = await super.finishImport(request, requestId)
    if (outcome.ok && this.core.partial.current !== undefined) {
      this.ctx.waitUntil(Promise.all([this.core.due.arm(), wakeCompletion(this.core, this.#completer())]))
    }
    return outcome
  }

  /** What the states of the room lack, and whom to ask. */
  completionPlan(): Promise<Outcome<CompletionPlan>> {
    return this.run(() => completionPlan(this.core))
  }

  /** Brings events of a whole state. */
  stageWhole(staged: readonly StagedImport[], isFirst: boolean): Promise<Outcome<null>> {
    return this.run(() => {
      stageWhole(this.core, staged, isFirst)
      return null
    })
  }

  /** Looks at some of them; answers whether that was all. */
  keepWhole(): Promise<Outcome<boolean>> {
    return this.run(() => keepWhole(this.core))
  }

  /** Gives numbers to the keys of events that are about to be told as a state. */
  numberKeys(eventIds: readonly string[]): Promise<Outcome<null>> {
    return this.run(() => {
      numberKeys(this.core, eventIds)
      return null
    })
  }

  /** Tells a whole state; answers how many of its events are not here. */
  tellState(told: StateTold): Promise<Outcome<number>> {
    return this.run(() => tellState(this.core, told))
  }

  /** One turn of completing the room, when all states have been told. `done`: nothing is incomplete any more. */
  advanceCompletion(): Promise<Outcome<Exclude<CompletionTurn, 'ready'> | 'done'>> {
    return this.run(async () => {
      const turn = completionTurn(this.core)
      if (turn !== 'ready') {
        this.core.repairs?.committed()
        return turn
      }
      const joined = this.core.partial.current
      const finished = finishCompletion(this.core)
      if (typeof finished === 'string') {
        this.core.repairs?.committed()
        return finished
      }
      this.imported()
      await this.afterCommit(finished)
      const join = joined === undefined ? undefined : this.core.events.findById(joined.eventId)
      if (join !== undefined) this.ctx.waitUntil(tellCompleted(this.core, join.originServerTs))
      return 'done'
    })
  }

  #completer(): Completer {
    return objectsOf(this.env, undefined).repair(this.core.roomId)
  }
}
