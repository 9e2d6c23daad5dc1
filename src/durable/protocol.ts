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
  /** Nobody looks: the room need not ring again until it is pulled. Unlike those who sleep the user may lack a mark in the database, so the room settles them. */
  readonly dozing?: true
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
  /** For joins: users of other servers are in the room. */
  readonly elsewhere?: true | undefined
  /** For joins: the room that this one replaces. */
  readonly predecessor?: string | undefined
  /** For joins: nothing up to here can be unread. */
  readonly unreadPos?: number | undefined
  /** No news of the membership: the room's members, who were not known since that time (milliseconds since the epoch), are. */
  readonly completedSinceMs?: number | undefined
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
