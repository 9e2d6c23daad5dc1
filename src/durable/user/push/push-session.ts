import type { JsonObject } from '../../../matrix/json.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import type { MarkPlace } from '../../../storage/user/unread-marks.ts'
import { pullDirty } from '../resume.ts'
import { type Requester, run, runAsync } from '../session-base.ts'
import { SlidingSession } from '../sliding-session.ts'
import { healUnread } from '../unread-heal.ts'
import { type ListedMark, listNotifications } from './notifications.ts'
import { describePushers, type PusherWish, removePusher, setPusher } from './pushers.ts'

/** Pushers and notifications of the account that a credential has opened. */
export abstract class PushSession extends SlidingSession {
  /** The account's pushers. */
  pushers(): Outcome<JsonObject[]> {
    return run(this.core, this.admission, (core) => describePushers(core))
  }

  /** Sets a pusher; with `append` other users may keep the same pushkey. */
  setPusher(wish: PusherWish, append: boolean): Promise<Outcome<void>> {
    return runAsync(this.core, this.admission, (core, requester) => setPusher(core, requester, wish, append))
  }

  /** Removes a pusher. */
  removePusher(appId: string, pushkey: string): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => removePusher(core, appId, pushkey, requestId))
  }

  /** What the user was notified of and has not read, the latest first, and who asks. */
  notifications(
    after: MarkPlace | undefined,
    onlyHighlights: boolean,
    limit: number,
  ): Promise<Outcome<{ readonly requester: Requester; readonly marks: ListedMark[] }>> {
    return runAsync(this.core, this.admission, async (core, requester) => {
      await pullDirty(core, requester.requestId)
      await healUnread(core, requester.requestId)
      return { requester, marks: listNotifications(core, after, onlyHighlights, limit, requester.requestId) }
    })
  }
}
