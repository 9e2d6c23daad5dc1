import type { JsonObject } from './json.ts'
import { type Membership, toMembership } from './membership.ts'

/** Who may read a room's past (client-server-api#room-history-visibility). */
export type HistoryVisibility = 'world_readable' | 'shared' | 'invited' | 'joined'

/** What decides whether a user may read an event. */
export interface VisibilityQuestion {
  /** `m.room.history_visibility` in the state before the event. */
  readonly visibility: HistoryVisibility
  /** The user's membership in the state before the event. */
  readonly membership: Membership
  /** Given when the event changes the visibility: what it becomes. */
  readonly visibilityAfter?: HistoryVisibility | undefined
  /** Given when the event is the user's own membership: what it becomes. */
  readonly membershipAfter?: Membership | undefined
  /** Whether the user joined the room at any point after the event was sent, even if they have left since. */
  readonly joinedLater: boolean
}

/**
 * Whether a user may read an event (client-server-api#room-history-visibility, "Server behaviour").
 *
 * Users read every event that is about their own membership: beyond the specification's "before or after", this shows them that their
 * invitation or knock was withdrawn, or that they were banned after leaving, all of which they are told anyway.
 *
 * That users see nothing received after they left is not decided here: whoever reads bounds the range, because a fork may place
 * such an event where the user had not left yet.
 */
export function mayReadEvent(question: VisibilityQuestion): boolean {
  if (question.membershipAfter !== undefined) return true
  if (allows(question.visibility, question.membership, question.joinedLater)) return true
  return question.visibilityAfter !== undefined && allows(question.visibilityAfter, question.membership, question.joinedLater)
}

/** Rules 1 to 5 for one visibility and one membership. */
function allows(visibility: HistoryVisibility, membership: Membership, joinedLater: boolean): boolean {
  switch (visibility) {
    case 'world_readable':
      return true
    case 'shared':
      return membership === 'join' || joinedLater
    case 'invited':
      return membership === 'join' || membership === 'invite'
    case 'joined':
      return membership === 'join'
  }
}

/** The question whether a user may read an event, from the event and the state before it. */
export function visibilityQuestion(
  event: { readonly type: string; readonly stateKey: string | undefined; readonly content: JsonObject },
  userId: string,
  before: { readonly visibility: HistoryVisibility; readonly membership: Membership; readonly joinedLater: boolean },
): VisibilityQuestion {
  if (event.type === 'm.room.history_visibility' && event.stateKey === '') {
    return { ...before, visibilityAfter: historyVisibilityOf(event.content) }
  }
  if (event.type === 'm.room.member' && event.stateKey === userId) return { ...before, membershipAfter: membershipOf(event.content) }
  return before
}

/**
 * Whether a server that is in the room may read an event: if its users may, taken together. What it may not read it receives redacted.
 * @param memberships memberships of the server's users in the state before the event, and after it where the event changes one of them.
 */
export function mayServerReadEvent(
  visibility: HistoryVisibility,
  visibilityAfter: HistoryVisibility | undefined,
  memberships: Iterable<Membership>,
): boolean {
  const all = new Set(memberships)
  const best = all.has('join') ? 'join' : all.has('invite') ? 'invite' : 'leave'
  // A server in the room has someone who joined it, and whoever joins sees all shared history.
  return allows(visibility, best, true) || (visibilityAfter !== undefined && allows(visibilityAfter, best, true))
}

/** The visibility that the content of an `m.room.history_visibility` event sets; `shared` if there is none or it is not understood. */
export function historyVisibilityOf(content: JsonObject | undefined): HistoryVisibility {
  const value = content?.history_visibility
  return value === 'world_readable' || value === 'invited' || value === 'joined' ? value : 'shared'
}

/** The membership that the content of an `m.room.member` event sets; `leave` if there is none or it is not understood. */
export function membershipOf(content: JsonObject | undefined): Membership {
  return toMembership(content?.membership)
}
