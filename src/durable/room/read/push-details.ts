import { notFound } from '../../../matrix/errors.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { clientEvent } from './client-event.ts'
import { Visibility } from './visibility.ts'

/** What a notification of an event says besides its ID (push-gateway-api#post_matrixpushv1notify). */
export interface PushDetails {
  /** The event in client format, as JSON text. */
  readonly event: string
  /** The sender's display name in the room. */
  readonly senderName: string | undefined
  readonly roomName: string | undefined
  readonly roomAlias: string | undefined
}

/** An event as a notification shows it: through the one visibility filter, redacted if it has been. @throws M_NOT_FOUND for what the caller may not see. */
export function readPushDetails(core: RoomCore, caller: Caller, eventId: string): PushDetails {
  const visibility = new Visibility(core, caller.userId)
  const event = core.events.findById(eventId)
  if (event === undefined || visibility.membership !== 'join' || !visibility.mayRead(event)) throw notFound('Event not found')
  return {
    event: clientEvent(core, event, { visibility, deviceId: undefined, nowMs: core.nowMs() }, true),
    senderName: stateText(core, 'm.room.member', event.sender, 'displayname'),
    roomName: stateText(core, 'm.room.name', '', 'name'),
    roomAlias: stateText(core, 'm.room.canonical_alias', '', 'alias'),
  }
}

function stateText(core: RoomCore, type: string, stateKey: string, name: string): string | undefined {
  const event = core.currentEvent(type, stateKey)
  const value = event === undefined ? undefined : core.roomEvent(event, core.roomId).content[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
