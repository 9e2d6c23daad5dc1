/** What sliding sync (MSC4186) sends between Worker, user and rooms. Both forms of the API are brought into this one. Plain data only. */

import type { PresenceState } from '../matrix/presence.ts'
import type { Membership } from './protocol.ts'
import type { KeyCounts } from './sync-protocol.ts'

/** State events by type and state key; absent: any. */
export interface StatePattern {
  readonly type?: string
  readonly stateKey?: string
}

/** Which state a client wants of a room. */
export interface RequiredState {
  readonly include: readonly StatePattern[]
  readonly exclude: readonly StatePattern[]
  readonly lazyMembers: boolean
}

/** What to send of a room. */
export interface RoomConfig {
  readonly timelineLimit: number
  /** State is wanted that any of these wants. */
  readonly requiredState: readonly RequiredState[]
}

/** Which rooms belong to a list; absent: whatever. */
export interface SlidingFilters {
  readonly isDm?: boolean | undefined
  readonly isEncrypted?: boolean | undefined
  readonly isInvite?: boolean | undefined
  readonly spaces?: readonly string[] | undefined
  readonly roomTypes?: readonly (string | null)[] | undefined
  readonly notRoomTypes?: readonly (string | null)[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly notTags?: readonly string[] | undefined
}

/** A window into the filtered list of rooms. */
export interface SlidingList {
  readonly name: string
  /** First and last index, both inclusive; absent: all. */
  readonly ranges: readonly (readonly [number, number])[] | undefined
  readonly filters: SlidingFilters
  readonly config: RoomConfig
}

/** In which rooms an extension is wanted. `*` stands for all lists, or all subscriptions. */
export interface ExtensionScope {
  readonly lists: readonly string[]
  readonly rooms: readonly string[]
}

/** Extensions that are enabled. */
export interface SlidingExtensions {
  readonly toDevice: { readonly since: string | undefined; readonly limit: number } | undefined
  readonly e2ee: boolean
  readonly accountData: ExtensionScope | undefined
  readonly receipts: ExtensionScope | undefined
  readonly typing: ExtensionScope | undefined
  /** MSC4308. */
  readonly threadSubscriptions?: { readonly limit: number } | undefined
}

/** A client's request. */
export interface SlidingRequest {
  readonly connectionId: string
  readonly pos: string | undefined
  /** The client has not been given `pos`: the Worker goes on from there by itself, because there was nothing to tell. */
  readonly goesOn?: boolean
  readonly lists: readonly SlidingList[]
  readonly subscriptions: readonly { readonly roomId: string; readonly config: RoomConfig }[]
  readonly extensions: SlidingExtensions
  /** What the device wants to be shown as. */
  readonly setPresence?: PresenceState | undefined
}

/**
 * What an extension wants of a room: what changed, or everything that a room which has come into its scope begins with. `all`: receipts of everybody on
 * every event, because it is not known what the client was told when.
 */
export type ScopedNews = 'nothing' | 'changes' | 'everything' | 'all'

/** Worker → room: what it has to say on a connection between two positions. */
export interface SlidingWindowRequest {
  /** Names the connection, for what lazily loading clients have been sent. */
  readonly connection: string
  /** What was sent with answers above this number may not have arrived. */
  readonly acknowledged: number
  /** The number of this answer. */
  readonly answer: number
  /** Exclusive; `null`: the room is new to the connection. */
  readonly from: number | null
  readonly to: number
  /** For a new room: what is above counts as live. */
  readonly liveFrom: number
  readonly config: RoomConfig
  /** What the client was sent state by so far, where that was something else. */
  readonly previousState: readonly RequiredState[] | undefined
  /** Members of other servers are wanted whether or not the timeline has to do with them, and: they were, by what the client was sent state by so far. */
  readonly needsMembers: boolean
  readonly neededMembers: boolean
  /** The latest events again, because more of them are wanted than before. */
  readonly expandTimeline: boolean
  readonly withReceipts: ScopedNews
  readonly withTyping: ScopedNews
  readonly ignoredUsers: readonly string[]
}

/** Room → Worker: members of a room result as JSON text without braces, and what goes into extensions. */
export interface SlidingWindow {
  /** Nothing happened that belongs into the room result. */
  readonly empty: boolean
  readonly members: string
  /** Of a room that the user has never been in all there is: what became of their own membership, as a JSON array. */
  readonly departure?: string
  /** The client is not shown the room yet: members that it asks for are still to come. */
  readonly withheld?: boolean
  /** The room is new to the client after all: so far it was withheld. */
  readonly isNew?: boolean
  /** The timeline has events that the client may have. */
  readonly isExpanded: boolean
  /** Content of an `m.receipt` event. */
  readonly receipts: string | undefined
  /** Content of an `m.typing` event. */
  readonly typing: string | undefined
}

/** User → Worker: one room of a plan. */
export interface SlidingPlannedRoom {
  readonly roomId: string
  readonly membership: Membership
  readonly isInitial: boolean
  /** Whether the room is to be asked; rooms that the user was never in are not. */
  readonly window: Omit<SlidingWindowRequest, 'connection' | 'acknowledged' | 'answer' | 'ignoredUsers'> | undefined
  readonly lists: readonly string[]
  readonly bumpStamp: number
  readonly isDm: boolean
  /** Counts of what is unread. */
  readonly notifications: number
  readonly highlights: number
  /** Something of this is news even where the room itself has none. */
  readonly hasOwnNews: boolean
  /** Invites and knocks, and what became of those to rooms that are elsewhere: a JSON array. */
  readonly strippedState: string | undefined
}

/** A room whose members may have changed. */
export interface MovedMembers {
  readonly roomId: string
  readonly from: number | null
  readonly to: number
  /** Where in the user's feed the client is in the room's memberships. If the room cannot be asked, the next position says so. */
  readonly sinceSeq: number
}

/** User → Worker: what to put into the response. */
export interface SlidingPlan {
  readonly userId: string
  readonly deviceId: string
  /** Nothing to tell: the Worker may park. */
  readonly empty: boolean
  readonly pos: string
  readonly connection: string
  readonly acknowledged: number
  readonly answer: number
  readonly lists: readonly { readonly name: string; readonly count: number }[]
  readonly rooms: readonly SlidingPlannedRoom[]
  readonly ignoredUsers: readonly string[]
  /** Global account data, a JSON array, or absent; by room, each a JSON array. */
  readonly accountData: string | undefined
  readonly roomAccountData: readonly { readonly roomId: string; readonly events: string }[]
  /** To-device events, a JSON array, and where the client is after them. */
  readonly toDevice: { readonly events: string | undefined; readonly nextBatch: string } | undefined
  readonly e2ee:
    | { readonly keyCounts: KeyCounts; readonly devicesChanged: readonly string[]; readonly moved: readonly MovedMembers[] }
    | undefined
  /** Changes of thread subscriptions, a JSON object, or absent. */
  readonly threadSubscriptions: string | undefined
  readonly incremental: boolean
}

/** User → Worker, over the socket of a parked poll: ask again. */
export type SlidingWake = 'again'
