import type { RoomVersionRules } from '../room-versions/rules.ts'
import { parseDomainId } from './domain-id.ts'

/** A room ID taken apart (appendices#room-ids). */
export interface RoomId {
  /** What follows the sigil, up to the domain if there is one. */
  readonly opaqueId: string
  /** The creating server, in room versions before 12 only. It says nothing about where the room is now. */
  readonly serverName: string | undefined
}

/** 32 bytes in unpadded URL-safe Base64: the create event's hash. */
const HASH = /^[A-Za-z0-9_-]{43}$/

/** Parts of a room ID of either form, or `undefined` if it is none. */
export function parseRoomId(roomId: string): RoomId | undefined {
  if (!roomId.includes(':')) {
    const opaqueId = roomId.slice(1)
    return roomId.startsWith('!') && HASH.test(opaqueId) ? { opaqueId, serverName: undefined } : undefined
  }
  const parts = parseDomainId('!', roomId)
  return parts === undefined ? undefined : { opaqueId: parts.localpart, serverName: parts.serverName }
}

/** Whether a text is a room ID of either form. */
export function isRoomId(roomId: string): boolean {
  return parseRoomId(roomId) !== undefined
}

/** Whether a text has the form that the room version gives to room IDs. */
export function isRoomIdOfVersion(roomId: string, rules: RoomVersionRules): boolean {
  const parts = parseRoomId(roomId)
  return parts !== undefined && (parts.serverName === undefined) === rules.roomIdIsCreateHash
}
