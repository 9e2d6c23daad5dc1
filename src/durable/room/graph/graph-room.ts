import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../../../runtime/bindings.ts'
import { type Outcome, refusal, success } from '../../../runtime/outcome.ts'
import { CommitQueue } from '../append/commit-queue.ts'
import type { Committed } from '../append/finish-draft.ts'
import { RoomCore } from '../room-core.ts'
import { type BackfillAnswer, type BackfillRequest, backfill, noteGapFailure } from './backfill.ts'
import { type BroughtOutliers, bringOutliers } from './bring-outliers.ts'
import { claimState, type StateClaim } from './claim-state.ts'
import { type IngestRequest, type IngestResult, ingestPdus } from './ingest.ts'
import { type GapPlan, gapPlan, giveUpStaged, type RepairPlan, repairPlan, unknownEvents } from './repair-plan.ts'
import { REPAIR_DUE, Repairs, type RepairWaker } from './repairs.ts'
import { RESOLVE_DUE, ResolutionWork } from './resolution-work.ts'
import { planMissing, retryStaged } from './retry-staged.ts'

/** What completes a room's graph: events of other servers, what they lack, history. A thin shell that `FederatedRoom` extends. */
export abstract class GraphRoom extends DurableObject<Env> {
  protected readonly core: RoomCore
  protected readonly queue: CommitQueue
  readonly #resolutions: ResolutionWork

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.core = new RoomCore(ctx, env)
    this.queue = new CommitQueue(this.core, (committed) => this.afterCommit(committed))
    this.#resolutions = new ResolutionWork(this.core, this.queue)
    const repairs = new Repairs(
      this.core,
      () => repairOf(env, this.core.roomId),
      this.#resolutions,
      () => this.retryStaged(),
    )
    this.core.repairs = repairs
    this.core.due.handle(REPAIR_DUE, () => repairs.run())
    this.core.due.handle(RESOLVE_DUE, () => this.#resolutions.run())
  }

  /** What follows a commit; answers whether the users whose memberships it changed have committed that. */
  protected abstract afterCommit(committed: Committed): Promise<boolean>

  /** Ends this life of the object, as a crash would. Reached only through the control routes and tests. */
  abortForTest(): void {
    this.ctx.abort('ended by a test')
  }

  /** Takes in events of other servers. */
  ingest(request: IngestRequest, requestId: string): Promise<Outcome<IngestResult>> {
    return ingestPdus(this.core, this.queue, request, requestId)
  }

  /** What staged events lack that a server sent, and whom to ask. */
  repairPlan(origin: string): Promise<Outcome<RepairPlan>> {
    return this.run(() => repairPlan(this.core, origin))
  }

  /** What history is missing at a place, and whom to ask. */
  gapPlan(ord: number): Promise<Outcome<GapPlan>> {
    return this.run(() => gapPlan(this.core, ord))
  }

  /** Which of some events are not here. */
  unknownEvents(eventIds: readonly string[]): Promise<Outcome<string[]>> {
    return this.run(() => unknownEvents(this.core, eventIds))
  }

  /** Keeps events that others refer to; answers which auth events are missing for some. */
  bringOutliers(brought: BroughtOutliers): Promise<Outcome<string[]>> {
    return this.run(() => bringOutliers(this.core, brought))
  }

  /** Takes the state before an event from another server; answers how many of its events are missing. */
  claimState(claim: StateClaim): Promise<Outcome<number>> {
    return this.run(() => claimState(this.core, claim))
  }

  /** Tries staged events again, because something was brought. */
  retryStaged(): Promise<Outcome<null>> {
    return this.queue
      .enqueue('repair', (draft) => {
        planMissing(this.core, retryStaged(this.core, draft))
        return null
      })
      .finally(() => this.core.repairs?.committed())
  }

  /** Gives up staged events that nobody can complete. */
  giveUpStaged(eventIds: readonly string[]): Promise<Outcome<null>> {
    return this.run(() => {
      giveUpStaged(this.core, eventIds)
      return null
    })
  }

  /** Puts a batch of history into a gap. */
  backfill(request: BackfillRequest): Promise<Outcome<BackfillAnswer>> {
    return this.queue.enqueue('backfill', (draft) => backfill(this.core, draft, request)).finally(() => this.core.repairs?.committed())
  }

  /** Answers once no state is being resolved. */
  async resolved(): Promise<void> {
    await this.#resolutions.run()
  }

  /** A gap could not be filled now. */
  gapFailed(ord: number): Promise<Outcome<null>> {
    return this.run(() => {
      noteGapFailure(this.core, ord)
      return null
    })
  }

  protected async run<T>(body: () => T | Promise<T>): Promise<Outcome<T>> {
    try {
      return success(await body())
    } catch (cause) {
      return refusal(cause)
    }
  }
}

/** The object that fetches what a room misses, by the room's ID. */
function repairOf(env: Env, roomId: string): RepairWaker {
  const stub: DurableObjectStub = env.REPAIR.get(env.REPAIR.idFromName(roomId))
  return stub as DurableObjectStub & RepairWaker
}
