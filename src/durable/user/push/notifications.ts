import { type MarkPlace, readLatestUnreadMarks, type UnreadMark } from '../../../storage/user/unread-marks.ts'
import type { UserCore } from '../user-core.ts'

/** A notification, and the room that it is of. */
export type ListedMark = UnreadMark & { readonly roomId: string }

/** What the user was notified of and has not read, the latest first, after a place in that list. */
export function listNotifications(
  core: UserCore,
  after: MarkPlace | undefined,
  onlyHighlights: boolean,
  limit: number,
  requestId: string,
): ListedMark[] {
  // What is only in memory is written, as it would be in a few seconds: then one query answers.
  core.feedKeeper.flush(requestId)
  return readLatestUnreadMarks(core.store, after, onlyHighlights, limit)
}
