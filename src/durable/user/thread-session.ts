import type { Outcome } from '../../runtime/outcome.ts'
import { BackupSession } from './e2ee/backup-session.ts'
import { run } from './session-base.ts'
import {
  subscribeToThread,
  type ThreadKey,
  type ThreadSubscriptionPage,
  threadSubscription,
  threadSubscriptionPage,
  unsubscribeFromThread,
} from './thread-subscriptions.ts'

/** Thread subscriptions of the account that a credential has opened (MSC4306, MSC4308). */
export abstract class ThreadSession extends BackupSession {
  /** Subscribes to a thread; with the position of the event that made a client do so, where the user did not ask for it. */
  subscribeToThread(key: ThreadKey, causePos: number | undefined): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => subscribeToThread(core, key, causePos, requestId))
  }

  /** Unsubscribes from a thread, its room being at a position. */
  unsubscribeFromThread(key: ThreadKey, headPos: number): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => unsubscribeFromThread(core, key, headPos, requestId))
  }

  /** The subscription to a thread. */
  threadSubscription(key: ThreadKey): Outcome<{ readonly automatic: boolean }> {
    return run(this.core, this.admission, (core) => threadSubscription(core, key))
  }

  /** Changes of subscriptions, the latest first, as JSON text. */
  threadSubscriptions(page: ThreadSubscriptionPage): Outcome<string> {
    return run(this.core, this.admission, (core, { deviceId }) => threadSubscriptionPage(core, deviceId, page))
  }
}
