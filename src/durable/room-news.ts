/** What rooms say of themselves in hints, notices and answers to pulls, besides where they are. Plain data; every part of it may be lost. */

/** What a user's room list keeps of a room, so that lists can be ordered and filtered without asking it. */
export interface RoomFacts {
  /** When the room received its latest event, in milliseconds since the epoch. */
  readonly activityTs: number
  /** The same for the latest event that should move the room up in a list (MSC4186, `bump_stamp`). */
  readonly bumpTs: number
  /** Memberships have not moved above this position. May be too high. */
  readonly memberPos: number
  readonly encrypted: boolean
  /** `type` of the create event, or `null`. */
  readonly roomType: string | null
}

/** One thing that moves the unread marks of a member (docs/design/unread.md). */
export type UnreadItem =
  /** An event to which the member's push rules are to be applied. */
  | {
      readonly kind: 'event'
      readonly pos: number
      readonly eventId: string
      readonly sender: string
      /** `main`, or the event ID of a thread's root. */
      readonly thread: string
      /** The event in client format, as JSON text. */
      readonly event: string
      readonly isState: boolean
      readonly memberCount: number
      /** Power level of the sender, and the one that is needed to notify the whole room. */
      readonly senderLevel: number
      readonly notifyRoomLevel: number
    }
  /** Somebody said something that has been redacted since: it counts for nobody, but whoever said it had read the thread. */
  | { readonly kind: 'spoke'; readonly pos: number; readonly sender: string; readonly thread: string }
  /** An event was redacted: it counts no more. */
  | { readonly kind: 'redaction'; readonly pos: number; readonly eventId: string }
  /** The member has read a thread (`''`: everything) up to a position. */
  | { readonly kind: 'receipt'; readonly pos: number; readonly thread: string; readonly upTo: number }

/** Everything with `from < pos ≤` the head it comes with; in order of position. */
export interface UnreadNews {
  readonly from: number
  readonly items: readonly UnreadItem[]
}

/** What hints and answers to pulls carry. */
export interface RoomNews {
  readonly facts: RoomFacts
  /** Absent where it would be too much: the member asks when it needs to know. */
  readonly unread: UnreadNews | undefined
}

/** Room → user, answer to the question for what moves the marks above a position. */
export interface UnreadReply extends UnreadNews {
  readonly generation: string
  /** Where the room is. */
  readonly head: number
}
