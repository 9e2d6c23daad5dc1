import type { PushMessage } from '../../../federation/outbound/push/push-gateways.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import type { PushVerdict } from '../../../matrix/push-rules/evaluate.ts'
import { tweaksOf } from '../../../matrix/push-rules/tweaks.ts'
import { log } from '../../../runtime/log.ts'
import type { QueuedPush } from '../../../storage/user/push-queue.ts'
import type { Pusher } from '../../../storage/user/pushers.ts'
import { readStrippedState } from '../../../storage/user/room-list.ts'
import { objectsOf } from '../../objects.ts'
import type { UserCore } from '../user-core.ts'
import { type Lane, targetOf } from './push-lanes.ts'

/** Longest content of an event that is sent to a gateway, in characters; longer ones are left out. */
const MAX_CONTENT_CHARS = 4_096

/** An event of which the user is to be notified. */
export interface Notable {
  readonly roomId: string
  readonly eventId: string
  /** Position of its unread mark; 0 for an invitation. */
  readonly pos: number
  readonly isEncrypted: boolean
  readonly verdict: PushVerdict
  readonly ts: number
}

/** What waits for pushers because of it. */
export function queuedPushOf({ roomId, eventId, pos, isEncrypted, verdict, ts }: Notable): QueuedPush {
  const { tweaks, isLoud } = tweaksOf(verdict.actions)
  return { roomId, eventId, pos, high: isEncrypted || isLoud, tweaks: JSON.stringify(tweaks), ts }
}

/** What a gateway is told about an event, in its fields of the API (push-gateway-api#post_matrixpushv1notify). */
export type PushDetailsJson = JsonObject

/** The message for a pusher about an event, with details. */
export function messageFor({ pusher }: Lane, push: QueuedPush, badge: number, details: PushDetailsJson): PushMessage {
  const { content, device, ...rest } = namingMessage(pusher, push, badge)
  const tweaks: unknown = JSON.parse(push.tweaks)
  return { ...rest, content: { ...details, ...content }, device: { ...device, ...(isJsonObject(tweaks) ? { tweaks } : {}) } }
}

/** What of a notification names its event. */
type Named = Pick<QueuedPush, 'roomId' | 'eventId' | 'high'>

/** The message for a pusher that wants events to be named only. */
export function namingMessage(pusher: Pusher, push: Named, badge: number): PushMessage {
  const { url, device } = targetOf(pusher)
  return { url, content: namingContent(push, badge), device, ...keyOf(pusher) }
}

/** What was made last: a message to many is told to all of them, one after the other, and mostly with the same count. Nobody changes it. */
let latest: { readonly push: Named; readonly badge: number; readonly content: JsonObject } | undefined

function namingContent({ roomId, eventId, high }: Named, badge: number): JsonObject {
  const isSame = latest?.badge === badge && latest.push.eventId === eventId && latest.push.roomId === roomId && latest.push.high === high
  if (latest !== undefined && isSame) return latest.content
  const content = {
    event_id: eventId,
    room_id: roomId,
    prio: high ? 'high' : 'low',
    ...(badge === 0 ? {} : { counts: { unread: badge } }),
  }
  latest = { push: { roomId, eventId, high }, badge, content }
  return content
}

/** The message that says nothing but how much is unread; also when that is nothing, or the phone would go on showing a number. */
export function badgeMessageFor(lane: Lane, badge: number): PushMessage {
  const { url, device } = targetOf(lane.pusher)
  return { url, content: { counts: { unread: badge }, prio: 'low' }, device, ...keyOf(lane.pusher) }
}

function keyOf(pusher: Pusher): Pick<PushMessage, 'pushkey' | 'pushkeyTs'> {
  return { pushkey: pusher.pushkey, pushkeyTs: Math.floor(pusher.setTs / 1000) }
}

/**
 * What to tell of an event, or `undefined` where there is nothing to tell (any more): the room is asked for it as the user may see it now, so that nothing leaves this
 * server that a read would not show (SECURITY R1, M8).
 */
export async function detailsOf(core: UserCore, push: QueuedPush): Promise<PushDetailsJson | undefined> {
  if (push.pos === 0) return invitationDetails(core, push)
  const caller = { userId: core.userId, deviceId: undefined, requestId: 'push' }
  try {
    const outcome = await objectsOf(core.env, undefined).room(push.roomId).pushDetails(caller, push.eventId)
    if (!outcome.ok) return undefined
    const { event: text, senderName, roomName, roomAlias } = outcome.value
    const event: unknown = JSON.parse(text)
    return isJsonObject(event) ? { ...eventDetails(core, event), ...named({ senderName, roomName, roomAlias }) } : undefined
  } catch (cause) {
    log.warn('a room did not say what a notification is about', cause)
    // Better an event that is only named than none.
    return {}
  }
}

function eventDetails(core: UserCore, { type, sender, content, state_key: stateKey }: JsonObject): PushDetailsJson {
  const isShown = type !== 'm.room.encrypted' && content !== undefined && JSON.stringify(content).length <= MAX_CONTENT_CHARS
  return {
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof sender === 'string' ? { sender } : {}),
    ...(isShown ? { content } : {}),
    ...(type === 'm.room.member' ? { user_is_target: stateKey === core.userId } : {}),
  }
}

/** Of an invitation what it shows: the room may be elsewhere. */
function invitationDetails(core: UserCore, { roomId }: QueuedPush): PushDetailsJson {
  const sender = core.feedKeeper.feed.rooms.find(roomId)?.sender
  const shown: unknown = JSON.parse(readStrippedState(core.store, roomId) ?? '[]')
  const events = Array.isArray(shown) ? shown.filter(isJsonObject) : []
  const text = (type: string, stateKey: string | undefined, name: string): string | undefined => {
    const content = events.find((event) => event.type === type && event.state_key === stateKey)?.content
    const value = isJsonObject(content) ? content[name] : undefined
    return typeof value === 'string' ? value : undefined
  }
  return {
    type: 'm.room.member',
    ...(sender === undefined ? {} : { sender }),
    content: { membership: 'invite' },
    user_is_target: true,
    ...named({
      senderName: text('m.room.member', sender, 'displayname'),
      roomName: text('m.room.name', '', 'name'),
      roomAlias: text('m.room.canonical_alias', '', 'alias'),
    }),
  }
}

function named(names: {
  readonly senderName: string | undefined
  readonly roomName: string | undefined
  readonly roomAlias: string | undefined
}): PushDetailsJson {
  const { senderName, roomName, roomAlias } = names
  return {
    ...(senderName === undefined ? {} : { sender_display_name: senderName }),
    ...(roomName === undefined ? {} : { room_name: roomName }),
    ...(roomAlias === undefined ? {} : { room_alias: roomAlias }),
  }
}
