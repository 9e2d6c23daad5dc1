import type { JoinJob, JoinResult } from '../../../durable/repair/join-jobs.ts'
import { type AttachAttempt, type AttachResult, type GapResult, RepairObject } from '../../../durable/repair/repair-object.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import type { KeptPdu } from '../../../storage/repair/inbox.ts'
import { joinContext } from '../join/join-context.ts'
import { runJoin } from '../join/run-join.ts'
import { attachStaged } from './attach-staged.ts'
import { completeRoom } from './complete-room.ts'
import { deliverKept } from './deliver-kept.ts'
import { fillGap } from './fill-gap.ts'
import { repairContext } from './repair-context.ts'

/** The object class that completes rooms: {@link RepairObject} with the work that it is for. */
export class Repair extends RepairObject {
  protected override attach(attempt: AttachAttempt): Promise<AttachResult> {
    return attachStaged(repairContext(this.env, this.roomId), attempt)
  }

  protected override runJoin(job: JoinJob, isResumed: boolean): Promise<Outcome<JoinResult>> {
    return runJoin(joinContext(this.env, 'join'), this.roomId, job, isResumed)
  }

  protected override completeState(failures: number): Promise<'complete' | 'stuck'> {
    return completeRoom(repairContext(this.env, this.roomId), failures)
  }

  protected override deliver(origin: string, pdus: readonly KeptPdu[]): Promise<'taken' | 'later'> {
    return deliverKept(repairContext(this.env, this.roomId), origin, pdus)
  }

  protected override fill(ord: number): Promise<GapResult> {
    return fillGap(repairContext(this.env, this.roomId), ord)
  }
}
