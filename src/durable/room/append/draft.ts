import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import type { RoomHead } from '../../../storage/room/room-row.ts'
import type { MembershipNotice } from '../../protocol.ts'
import type { JudgedEvent } from '../policy/policy-round.ts'

/**
 * A transaction in progress: the head as it will be, and what must happen once it is committed. Copied per savepoint, so that a refused
 * operation leaves no trace in its neighbours' commit.
 */
export interface Draft {
  head: RoomHead
  rules: RoomVersionRules
  nextPos: number
  appended: StoredEvent[]
  /** What local users will be told about their own membership, in order. */
  notices: { readonly userId: string; readonly notice: MembershipNotice }[]
  /** Local users whose joined membership began or ended. */
  localMembersChanged: Set<string>
  /** Whether the commit holds events that this server sends to others, if there are any. */
  outgoing: boolean
  /** Set at the end: other servers' queues have to be told. */
  tellsServers: boolean
  /** Local users who are joined again by an old event although they had left since; see repeat-leaves.ts. */
  leftBefore?: readonly string[]
  /** Set while an operation may ask the room's policy server, with what it has been asked about. */
  policyRound?: { readonly judged: JudgedEvent | undefined } | undefined
}

/** A draft to be changed without touching the original. */
export function copyDraft(draft: Draft): Draft {
  return {
    ...draft,
    appended: [...draft.appended],
    notices: [...draft.notices],
    localMembersChanged: new Set(draft.localMembersChanged),
  }
}
