import { type AttachResult, type GapResult, RepairObject } from '../../../durable/repair/repair-object.ts'
import { type AttachAttempt, attachStaged } from './attach-staged.ts'
import { fillGap } from './fill-gap.ts'
import { repairContext } from './repair-context.ts'

/** The object class that completes rooms: {@link RepairObject} with the work that it is for. */
export class Repair extends RepairObject {
  protected override attach(attempt: AttachAttempt): Promise<AttachResult> {
    return attachStaged(repairContext(this.env, this.roomId), attempt)
  }

  protected override fill(ord: number): Promise<GapResult> {
    return fillGap(repairContext(this.env, this.roomId), ord)
  }
}
