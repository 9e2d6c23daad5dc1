import { redactPdu } from '../../../matrix/events/redaction.ts'
import { isJsonObject } from '../../../matrix/json.ts'
import { type StoredEvent, toPdu } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'
import { DELAYED_ENDPOINT } from '../send.ts'
import type { Visibility } from './visibility.ts'

/** Who reads, as far as the form of an event depends on it. */
export interface EventReader {
  readonly visibility: Visibility
  /** The device whose transaction IDs come back to it and to no other. */
  readonly deviceId: string | undefined
  readonly nowMs: number
  /** What relates to the events that are shown (bundle.ts): `m.relations` as JSON text, by event number. */
  readonly bundles?: ReadonlyMap<number, string>
}

/**
 * An event as clients receive it (client-server-api#room-event-format), as JSON text: stored fragments are joined, content is not parsed.
 * @param withRoomId `/sync` leaves the room ID out.
 */
export function clientEvent(core: RoomCore, event: StoredEvent, reader: EventReader, withRoomId: boolean): string {
  const roomId = withRoomId ? `"room_id":${JSON.stringify(core.roomId)},` : ''
  return `{${roomId}${sharedPart(core, event)},"unsigned":{${unsignedPart(core, event, reader)}}}`
}

/** The same as if the event had been redacted. */
export function clientEventRedacted(core: RoomCore, event: StoredEvent, reader: EventReader, withRoomId: boolean): string {
  const { content } = redactPdu(toPdu(event, core.roomId), core.rules)
  const roomId = withRoomId ? `"room_id":${JSON.stringify(core.roomId)},` : ''
  const part = renderSharedPart(core, event, JSON.stringify(content))
  return `{${roomId}${part},"unsigned":{${unsignedPart(core, event, reader)}}}`
}

/** A state event as `/state` and the state sections of `/sync` show it. */
export function clientStateEvents(core: RoomCore, events: readonly StoredEvent[], reader: EventReader, withRoomId: boolean): string {
  return `[${events.map((event) => clientEvent(core, event, reader, withRoomId)).join(',')}]`
}

/** What is the same for every reader; cached with the room. */
function sharedPart(core: RoomCore, event: StoredEvent): string {
  const cached = core.clientParts.get(event.nid)
  if (cached !== undefined) return cached
  const part = renderSharedPart(core, event, event.content)
  core.clientParts.set(event.nid, part, 100 + 2 * part.length)
  return part
}

function renderSharedPart(core: RoomCore, event: StoredEvent, content: string): string {
  const stateKey = event.stateKey === undefined ? '' : `"state_key":${JSON.stringify(event.stateKey)},`
  return (
    `"content":${content},"event_id":${JSON.stringify(event.eventId)},"origin_server_ts":${event.originServerTs},` +
    `"sender":${JSON.stringify(event.sender)},${stateKey}${redacts(core, event)}"type":${JSON.stringify(event.type)}`
  )
}

/** Clients of before room version 11 look for `redacts` at the top level: it is shown there in every version. */
function redacts(core: RoomCore, event: StoredEvent): string {
  if (event.type !== 'm.room.redaction') return ''
  const target = core.roomEvent(event, core.roomId).redacts
  return target === undefined ? '' : `"redacts":${JSON.stringify(target)},`
}

function unsignedPart(core: RoomCore, event: StoredEvent, reader: EventReader): string {
  const parts = [`"age":${Math.max(0, reader.nowMs - event.originServerTs)}`, `"membership":"${reader.visibility.membershipAt(event)}"`]
  if (event.replaces !== undefined) {
    const replaced = core.events.get(event.replaces)
    parts.push(`"replaces_state":${JSON.stringify(replaced.eventId)}`)
    // What was said about the reader they have seen, even where the room was not here yet: an invitation that they joined upon.
    const isOwn = event.type === 'm.room.member' && event.stateKey === reader.visibility.userId && replaced.status === 'outlier'
    if (isOwn || reader.visibility.mayRead(replaced)) {
      parts.push(`"prev_content":${replaced.content}`, `"prev_sender":${JSON.stringify(replaced.sender)}`)
    }
  }
  const redaction = event.redactedBy === undefined ? undefined : core.events.get(event.redactedBy)
  // Whoever has left before it finds the event empty, and hears neither who did that nor why.
  if (redaction !== undefined && reader.visibility.mayRead(redaction)) {
    parts.push(`"redacted_because":{"room_id":${JSON.stringify(core.roomId)},${sharedPart(core, redaction)}}`)
  }
  const bundle = reader.bundles?.get(event.nid)
  if (bundle !== undefined) parts.push(`"m.relations":${bundle}`)
  parts.push(...transactionParts(event, reader))
  return parts.join(',')
}

/** What its sender hears of how an event was sent: the transaction on the device that sent it, the delay (MSC4140) on every one. */
function transactionParts(event: StoredEvent, { visibility, deviceId }: EventReader): string[] {
  if (event.txn === undefined || event.sender !== visibility.userId || deviceId === undefined) return []
  const txn: unknown = JSON.parse(event.txn)
  const [device, endpoint, id]: readonly unknown[] = Array.isArray(txn) ? txn : []
  if (typeof id !== 'string') return []
  if (device === '' && endpoint === DELAYED_ENDPOINT) return [`"org.matrix.msc4140.delay_id":${JSON.stringify(id)}`]
  return device === deviceId ? [`"transaction_id":${JSON.stringify(id)}`] : []
}

/** Whether an event's content has a `url`, for filters. Parses only where the text could hold one. */
export function hasUrl(event: StoredEvent): boolean {
  if (!event.content.includes('"url"')) return false
  const content: unknown = JSON.parse(event.content)
  return isJsonObject(content) && typeof content.url === 'string'
}
