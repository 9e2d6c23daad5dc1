import type { RoomVersionRules } from '../room-versions/rules.ts'
import { isBoundedText, parseDomainId } from './domain-id.ts'

/** 32 bytes in unpadded Base64, standard and URL-safe. */
const HASH_BASE64 = /^[A-Za-z0-9+/]{43}$/
const HASH_BASE64_URL = /^[A-Za-z0-9_-]{43}$/

/** Whether a text could be an event ID of some room version: `$`, something, at most 255 bytes, no NUL (appendices#event-ids). */
export function isEventId(eventId: string): boolean {
  return eventId.length > 1 && eventId.startsWith('$') && isBoundedText(eventId)
}

/** Whether a text has the form that the room version gives to event IDs (rooms/v1, v3 and v4 "Event IDs"). */
export function isEventIdOfVersion(eventId: string, rules: RoomVersionRules): boolean {
  if (!eventId.startsWith('$')) return false
  switch (rules.eventIdFormat) {
    case 'origin':
      return parseDomainId('$', eventId) !== undefined
    case 'hash-base64':
      return HASH_BASE64.test(eventId.slice(1))
    case 'hash-base64url':
      return HASH_BASE64_URL.test(eventId.slice(1))
  }
}
