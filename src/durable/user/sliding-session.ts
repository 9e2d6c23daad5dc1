import type { Outcome } from '../../runtime/outcome.ts'
import type { SlidingPlan, SlidingRequest } from '../sliding-protocol.ts'
import { BackupSession } from './e2ee/backup-session.ts'
import { runAsync } from './session-base.ts'
import { slidingNow } from './sliding.ts'

/** Sliding sync of the account that a credential has opened. */
export abstract class SlidingSession extends BackupSession {
  /** What a client must be told on a connection; to wait where that is nothing, park. */
  slidingSync(request: SlidingRequest): Promise<Outcome<SlidingPlan>> {
    return runAsync(this.core, this.admission, (core, requester) => slidingNow(core, requester, request))
  }
}
