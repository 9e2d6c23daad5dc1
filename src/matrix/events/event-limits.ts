/*
 * Bounds of every event, whatever its room version (client-server-api#size-limits, rooms/v1#event-format, rooms/v6#event-format).
 */

/** Largest event: bytes of its canonical JSON in the federation format, signatures included. */
export const MAX_PDU_BYTES = 65_536
/** Longest `type`, `state_key`, `sender`, `room_id` and `event_id`, in bytes of UTF-8. */
export const MAX_ID_BYTES = 255
/** Most `prev_events`. */
export const MAX_PREV_EVENTS = 20
/** Most `auth_events`. */
export const MAX_AUTH_EVENTS = 10
/** Largest `depth` of room versions 6 and later. A room that has reached it stays there. */
export const MAX_DEPTH = Number.MAX_SAFE_INTEGER
/** Bound of `depth` before room version 6 (exclusive; the specification's 2^63-1 itself has no exact double and cannot be read back). */
export const LEGACY_DEPTH_BOUND = 2 ** 63
