/** What rooms, users and Workers say to one another. The protocol is explained in docs/design/feed.md. All of it crosses RPC: plain data only. */

import type { Membership } from '../matrix/membership.ts'

import type { RoomFacts, RoomNews } from './room-news.ts'

export type { Membership }

/** Who asks a room for something. Set by the Worker from an admitted session, never from a request's body. */
export interface Caller {
  readonly userId: string
  /** Absent for work that belongs to no device (jobs). */
  readonly deviceId: string | undefined
  readonly requestId: string
  /** The account is suspended: of what it asks for, it may redact its own events and leave. */
  readonly suspended?: true
  /** Whose messages the caller does not want to see (`m.ignored_user_list`), for reads. */
  readonly ignoredUsers?: readonly string[]
}

/** Room → user: there is something up to `head`. Idempotent, lossy, never committed on arrival. */
export interface Hint {
  readonly roomId: string
  readonly generation: string
  /** The room's newest position. */
  readonly head: number
  /** What else there is to know of the room at `head`. */
  readonly news?: RoomNews | undefined
}

/** User → room, answer to a hint. */
export interface HintReply {
  /** Whether the user's list names the room as joined; if not, the room waits for its notice to be taken. */
  readonly member: boolean
  /** Everything up to this position is in the user's database. */
  readonly durablePos: number
  /** False: the user's database has a dirty mark; the room need not ring again until it is pulled. */
  readonly awake: boolean
}

/** Room → user: make everything up to `head` durable. */
export type SettleRequest = Hint

/** User → room, answer to a settle request: with `awake` false the mark stands for what is not in the user's database. */
export type SettleReply = HintReply

/** Room → user: the user's own membership changed. Durable on both sides. */
export interface MembershipNotice {
  readonly roomId: string
  readonly generation: string
  readonly membership: Membership
  /** Position of the membership event: later notices win, repeated ones are acknowledged. */
  readonly pos: number
  /** The room's newest position when the notice was made; for a leave or ban the same as `pos`: nothing later is for this user. */
  readonly head: number
  readonly eventId: string
  readonly sender: string
  /** For invites and knocks: the stripped state as a JSON array. */
  readonly strippedState: string | undefined
  /** For invites: whether `is_direct` was set. */
  readonly isDirect: boolean
  readonly facts?: RoomFacts | undefined
  /** For joins: the room that this one replaces. */
  readonly predecessor?: string | undefined
  /** For joins: nothing up to here can be unread. */
  readonly unreadPos?: number | undefined
}

/** One item of a user's outbox for another local user (docs/design/to-device.md). */
export interface PeerItem {
  readonly id: number
  readonly kind: 'to_device' | 'devices'
  /** JSON text. */
  readonly payload: string
}

/** User → user: items in order, each above `after`, which is where the sender believes the recipient to be. */
export interface PeerDelivery {
  readonly from: string
  readonly after: number
  readonly items: readonly PeerItem[]
  /** Make everything durable before answering. */
  readonly settle: boolean
}

/** User → user: up to which item of the sender's outbox everything has been taken, and is in the database. */
export interface PeerReply {
  readonly accepted: number
  readonly durable: number
}

/** An EDU for another server. */
export interface OutgoingEdu {
  readonly type: string
  /** What the EDU is about: a later one about the same takes its place while it waits. Absent: each one counts. */
  readonly key: string | undefined
  /** Canonical JSON of the whole EDU, `edu_type` and `content`. */
  readonly body: string
}

/** One item of a user's outbox for another server. */
export interface ServerPeerItem {
  readonly id: number
  readonly edus: readonly OutgoingEdu[]
  /** The change of devices that the item tells of. */
  readonly stream?: number | undefined
  /** Of no interest to a server that was told of this change or a later one. */
  readonly ifUntold?: boolean | undefined
}

/** User → another server's queue: items in order, each above `after`. Durable when it answers. */
export interface ServerDelivery {
  readonly from: string
  readonly after: number
  readonly items: readonly ServerPeerItem[]
}

/** Who came into and went out of a room, apart from the reader (client-server-api#tracking-the-device-list-for-a-user). */
export interface MemberChanges {
  readonly joined: readonly string[]
  readonly left: readonly string[]
}

/** User → room (`pull`): re-arms hints for the user and answers where the room is. */
export interface PullReply {
  readonly head: number
  readonly generation: string
  /** What else there is to know of the room at `head`. */
  readonly news?: RoomNews | undefined
  /** False: the room does not know the user as joined; the user's row is left alone, a notice follows or was processed. */
  readonly member: boolean
}

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
  /** Invites and knocks: the stripped state as a JSON array. */
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
