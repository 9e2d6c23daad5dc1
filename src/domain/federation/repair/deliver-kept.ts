import { MatrixError } from '../../../matrix/errors.ts'
import { log } from '../../../runtime/log.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import type { KeptPdu } from '../../../storage/repair/inbox.ts'
import { takeIn } from '../ingest/take-in.ts'
import { type RepairContext, rulesOfVersion } from './repair-context.ts'

/** Gives a room PDUs that it could not take in time. `later`: it still cannot. What it refuses is gone, as it would have been at once. */
export async function deliverKept(ctx: RepairContext, origin: string, pdus: readonly KeptPdu[]): Promise<'taken' | 'later'> {
  try {
    const rules = rulesOfVersion(unwrap(await ctx.room().version()))
    const received = pdus.map(({ pdu, inexact }) => ({ pdu, inexact, roomId: ctx.roomId }))
    await takeIn({ ...ctx, requestId: 'repair' }, () => ctx.room(), rules, origin, received)
    return 'taken'
  } catch (cause) {
    if (cause instanceof MatrixError && cause.errcode !== 'M_LIMIT_EXCEEDED' && cause.status < 500) return 'taken'
    log.info('events kept for a room have to wait', cause)
    return 'later'
  }
}
