import type { Outcome } from '../../runtime/outcome.ts'
import type { SlidingPlan, SlidingRequest } from '../sliding-protocol.ts'
import { runAsync } from './session-base.ts'
import { slidingNow } from './sliding.ts'
import { ThreadSession } from './thread-session.ts'

/** Sliding sync of the account that a credential has opened. */
export abstract class SlidingSession extends ThreadSession {
  /** What a client must be told on a connection; to wait where that is nothing, park. */
  slidingSync(request: SlidingRequest): Promise<Outcome<SlidingPlan>> {
    return runAsync(this.core, this.admission, (core, requester) => slidingNow(core, requester, request))
  }
}
