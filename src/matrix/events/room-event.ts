import type { JsonObject } from '../json.ts'

/** An event ID: `$…`. In room versions 3 and later it is the reference hash of the event. */
export type EventId = string

/**
 * An event of a room's graph as the rules see it: the PDU's fields under their usual names, its computed ID, and the PDU itself.
 * Immutable; `eventId` was computed (v3+) or checked (v1, v2) from `pdu`, never taken from a caller.
 */
export interface RoomEvent {
  readonly eventId: EventId
  /** In room version 12 the create event has no `room_id`; this field then holds the ID derived from its hash. */
  readonly roomId: string
  readonly type: string
  /** Present on state events only; the empty string is a state key. */
  readonly stateKey: string | undefined
  readonly sender: string
  readonly content: JsonObject
  readonly originServerTs: number
  readonly depth: number
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /** Target of a redaction, wherever the room version keeps it (top level before 11, content from 11). */
  readonly redacts: EventId | undefined
  /** The event as it travels between servers, signatures included. */
  readonly pdu: JsonObject
}
