import type { JsonObject } from '../../../matrix/json.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import { PresenceSession } from '../presence/presence-session.ts'
import { run, runAsync } from '../session-base.ts'
import type { DelayRequest } from './delayed-events.ts'

/** Delayed events of the account that a credential has opened (MSC4140). */
export abstract class DelayedSession extends PresenceSession {
  /** Leaves an event with the server to be sent later; answers the delay's ID. */
  delayEvent(request: DelayRequest): Promise<Outcome<string>> {
    return runAsync(this.core, this.admission, (core, requester) => core.delayed.schedule(requester, request))
  }

  /** What waits, in the order in which it is due. */
  delayedEvents(): Outcome<JsonObject[]> {
    return run(this.core, this.admission, (core) => core.delayed.list())
  }

  /** One that waits, or what became of it. */
  delayedEvent(delayId: string): Outcome<JsonObject> {
    return run(this.core, this.admission, (core) => core.delayed.describe(delayId))
  }
}
