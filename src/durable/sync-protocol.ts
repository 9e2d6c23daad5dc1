/** What Worker, user and rooms say to one another for a classic sync (docs/design/feed.md). Plain data only. */

import type { PresenceState } from '../matrix/presence.ts'
import type { MemberChanges, PullReply } from './protocol.ts'

/** Room → Worker: what it says to somebody to whom it is new, and where it is, from one turn. */
export interface PulledWindow {
  readonly pulled: PullReply
  /** Everything up to `pulled.head`. */
  readonly window: RoomWindow
}

/** Worker → user: what a room has answered to a {@link PulledWindow} request. */
export interface BroughtPull {
  readonly roomId: string
  readonly reply: PullReply
}

/** Which part of a sync response a room belongs to. */
export type SyncSection = 'join' | 'invite' | 'knock' | 'leave'

/** Worker → room: assemble the part of a sync response between two positions. */
export interface WindowRequest {
  /** Exclusive start. `null`: the room is new to this client (full state, last events of the timeline). */
  readonly from: number | null
  /** Inclusive end. */
  readonly to: number
  readonly section: 'join' | 'leave'
  /** Send the whole state even though `from` is given. */
  readonly fullState: boolean
  /** MSC4222 (stable: `use_state_after`): answer `state_after` instead of `state`. */
  readonly useStateAfter: boolean
  /** Whether {@link RoomWindow.memberChanges} is of interest: not to a client that starts from nothing. */
  readonly withMemberChanges: boolean
  /** The client's filter as JSON (`room` part only, already validated), or `undefined` for the default. */
  readonly filter: string | undefined
  /** Users whose events and receipts the reader does not want to see (`m.ignored_user_list`). */
  readonly ignoredUsers: readonly string[]
}

/** Room → Worker: fragments of JSON, ready to be joined. Absent fragments have nothing to say. */
export interface RoomWindow {
  /** True when there is nothing to tell the client about this room. */
  readonly empty: boolean
  /** The client is not shown the room yet: its members, all of which it asks for, are still to come. */
  readonly withheld?: boolean
  /** `{"events":[…],"limited":…,"prev_batch":…}` */
  readonly timeline: string
  /** `{"events":[…]}` for `state` or `state_after`. */
  readonly state: string
  /** `{"events":[…]}`, or absent. */
  readonly ephemeral: string | undefined
  /** `{"m.heroes":[…],…}`, or absent when unchanged. */
  readonly summary: string | undefined
  /** Whose devices the reader has to look at anew, or may forget; absent where nobody came or went. Independent of filters. */
  readonly memberChanges: MemberChanges | undefined
}

/** User → Worker: one room of a sync plan. */
export interface PlannedRoom {
  readonly roomId: string
  readonly section: SyncSection
  /** Where in the user's feed the client is in this room. If the room cannot be asked, the next token holds the client there. */
  readonly sinceSeq: number
  readonly from: number | null
  readonly to: number
  /** Room account data events changed since the token (all of them for a new room), a JSON array, or absent. With `from` equal to `to`, the only news. */
  readonly accountData: string | undefined
  /** Invites and knocks: the stripped state as a JSON array. Departures from rooms that never were here: the event that ended it, in an array. */
  readonly strippedState: string | undefined
  /** `{"notification_count":…,"highlight_count":…}` where known. */
  readonly unread: string | undefined
  /** The same for threads, by the event ID of their root, where the client asked for them apart. */
  readonly unreadThreads?: string | undefined
  /** The counts have changed since the token: news by themselves. */
  readonly unreadChanged?: boolean
  /** Unread marks are right up to here; for rooms that are to be pulled. */
  readonly unreadPos?: number
  /** The client's filter leaves the room out: it is asked only who came and went, of which no filter knows. */
  readonly isHidden?: true
}

/** Worker → user: a client's sync request, parsed. */
export interface SyncRequest {
  readonly since: string | undefined
  readonly fullState: boolean
  /** A filter ID, or an inline filter as JSON. */
  readonly filter: string | undefined
  /** What the device wants to be shown as. */
  readonly setPresence?: PresenceState | undefined
  /** What rooms have said that a plan with `mustPull` was made for: the request is repeated with it. */
  readonly pulls?: readonly BroughtPull[] | undefined
}

/** Worker → user, in the header of the request that parks: a poll that may wait. */
export interface ParkRequest extends SyncRequest {
  readonly since: string
  /** Polls of one device with the same connection replace each other. */
  readonly connectionId: string
  /** Whether rooms that the token holds back are news in themselves; at most once per request of a client. */
  readonly retryHeld: boolean
}

/**
 * User → Worker, over the socket of a parked poll, at most once: there is something; ask again; another poll has taken this one's place. What follows
 * on the socket means nothing.
 */
export type ParkedMessage = { readonly kind: 'plan'; readonly plan: SyncPlan } | { readonly kind: 'again' } | { readonly kind: 'replaced' }

/** What a client must know of the keys that others can still claim from it. Both are JSON. */
export interface KeyCounts {
  /** `{"signed_curve25519":…}` */
  readonly oneTimeKeys: string
  /** `["signed_curve25519"]`, or an empty list once the fallback key was used. */
  readonly unusedFallbackTypes: string
}

/** User → Worker: what to put into the response. */
export interface SyncPlan {
  /** Whose response it becomes. */
  readonly userId: string
  readonly deviceId: string
  /** True when nothing happened since the token: the Worker may park. */
  readonly empty: boolean
  readonly nextBatch: string
  readonly rooms: readonly PlannedRoom[]
  /** Global account data events, a JSON array, or absent. */
  readonly accountData: string | undefined
  /** To-device events, a JSON array, or absent. */
  readonly toDevice: string | undefined
  /** Presence events, a JSON array, or absent. */
  readonly presence?: string | undefined
  /** Whether the client was here before: only then it is told whose devices changed. */
  readonly incremental: boolean
  /** Users whose devices or keys changed, as far as their own accounts said so; rooms add who came and went. */
  readonly devicesChanged: readonly string[]
  readonly keyCounts: KeyCounts
  /** The `room` part of the resolved filter as JSON, as rooms take it. */
  readonly roomFilter: string | undefined
  readonly ignoredUsers: readonly string[]
  /**
   * This life of the account has not asked its rooms yet where they are. The Worker asks them, together with what they have to say to a client that
   * starts from nothing, and repeats the request with their answers.
   */
  readonly mustPull?: true
}
