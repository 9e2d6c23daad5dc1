import { MatrixError } from '../../../matrix/errors.ts'
import { DUMMY_EVENT_TYPE } from '../../../matrix/events/dummy-event.ts'
import { appendLocalEvent } from '../append/append-local-event.ts'
import { copyDraft, type Draft } from '../append/draft.ts'
import type { RoomCore } from '../room-core.ts'

/** More ends of the graph than this are joined by a dummy event. */
export const MAX_EXTREMITIES = 10
/** Members who are tried as its sender. */
const MAX_SENDERS_TRIED = 10

/**
 * Joins the ends of the graph, where there are too many, by an event of a member of this server who may send it: every event would have to name them all, and
 * every state would be resolved from all of theirs. Nobody is shown it, and other servers are not sent it before they ask for it. The caller holds the transaction.
 */
export function joinTips(core: RoomCore, draft: Draft): void {
  if (draft.head.extremities.length <= MAX_EXTREMITIES) return
  for (const sender of core.members.localJoined().slice(0, MAX_SENDERS_TRIED)) {
    const own = copyDraft(draft)
    const { outgoing } = draft
    try {
      core.store.transaction(undefined, () =>
        appendLocalEvent(core, own, { type: DUMMY_EVENT_TYPE, sender, content: {}, originServerTs: core.nowMs() }),
      )
    } catch (cause) {
      if (!(cause instanceof MatrixError)) throw cause
      core.forgetCaches()
      continue
    }
    Object.assign(draft, own, { outgoing })
    return
  }
}
