import { forbidden, notFound } from '../../../matrix/errors.ts'
import { toMembership } from '../../../matrix/membership.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { bundling } from './bundle.ts'
import { clientEvent, clientStateEvents, type EventReader } from './client-event.ts'
import { place } from './messages.ts'
import { Visibility } from './visibility.ts'

/** Worker → room: one state event. */
export interface StateEventRequest {
  readonly type: string
  readonly stateKey: string
  /** `content` (default) or the whole event. */
  readonly format: 'content' | 'event'
}

/** Worker → room: members, now or at a place in history. */
export interface MembersRequest {
  readonly at: string | undefined
  readonly membership: string | undefined
  readonly notMembership: string | undefined
}

/** Current state for members; what it was when they left for former ones. */
function readableState(core: RoomCore, visibility: Visibility, atPos = Number.POSITIVE_INFINITY): Map<number, number> {
  const pos = Math.min(visibility.horizonPos, atPos)
  return pos >= core.head.headPos ? core.state.all() : core.state.at(pos, core.head.headPos)
}

function readerOf(core: RoomCore, caller: Caller, visibility: Visibility): EventReader {
  return { visibility, deviceId: caller.deviceId, nowMs: core.nowMs() }
}

/** `GET /rooms/{roomId}/state`: an array of events as JSON text. */
export function readState(core: RoomCore, caller: Caller): string {
  const visibility = new Visibility(core, caller.userId)
  visibility.requireReadable()
  const events = core.events.getMany([...readableState(core, visibility).values()])
  return clientStateEvents(core, events, readerOf(core, caller, visibility), true)
}

/** `GET /rooms/{roomId}/state/{eventType}/{stateKey}`. @throws M_NOT_FOUND where that state is not set. */
export function readStateEvent(core: RoomCore, caller: Caller, request: StateEventRequest): string {
  const visibility = new Visibility(core, caller.userId)
  visibility.requireReadable()
  const kid = core.keys.find(request.type, request.stateKey)
  const nid =
    kid === undefined
      ? undefined
      : visibility.horizonPos >= core.head.headPos
        ? core.state.find(kid)
        : readableState(core, visibility).get(kid)
  if (nid === undefined) throw notFound('That state is not set')
  const event = core.events.get(nid)
  return request.format === 'event' ? clientEvent(core, event, readerOf(core, caller, visibility), true) : event.content
}

/** `GET /rooms/{roomId}/event/{eventId}`. @throws M_NOT_FOUND for events that the caller may not see. */
export function readEvent(core: RoomCore, caller: Caller, eventId: string): string {
  const visibility = new Visibility(core, caller.userId)
  const event = core.events.findById(eventId)
  if (event === undefined || !visibility.mayRead(event)) throw notFound('Event not found')
  const reader = bundling(core, readerOf(core, caller, visibility), [event], caller.ignoredUsers ?? [], true)
  return clientEvent(core, event, reader, true)
}

/** `GET /rooms/{roomId}/members`: member events as `{"chunk":[…]}`. */
export function readMembers(core: RoomCore, caller: Caller, request: MembersRequest): string {
  const visibility = new Visibility(core, caller.userId)
  visibility.requireReadable()
  const atPos = request.at === undefined ? undefined : Math.floor((place(core, request.at) - 1) / ORD_STEP)
  const events = memberEventsAt(core, visibility, atPos).filter((event) => {
    const membership = toMembership(core.roomEvent(event, core.roomId).content.membership)
    if (request.membership !== undefined && membership !== request.membership) return false
    return request.notMembership === undefined || membership !== request.notMembership
  })
  return `{"chunk":${clientStateEvents(core, events, readerOf(core, caller, visibility), true)}}`
}

function memberEventsAt(core: RoomCore, visibility: Visibility, atPos: number | undefined): StoredEvent[] {
  const pos = Math.min(visibility.horizonPos, atPos ?? Number.POSITIVE_INFINITY)
  if (pos >= core.head.headPos) return core.events.getMany([...core.state.all(['m.room.member']).values()])
  return core.events.getMany([...core.state.at(pos, core.head.headPos).values()]).filter(({ type }) => type === 'm.room.member')
}

/** `GET /rooms/{roomId}/joined_members`: only for joined members. @throws M_FORBIDDEN otherwise. */
export function readJoinedMembers(core: RoomCore, caller: Caller): string {
  const visibility = new Visibility(core, caller.userId)
  if (visibility.membership !== 'join') throw forbidden('You are not in this room')
  const joined: [string, { display_name: string | null; avatar_url: string | null }][] = []
  for (const event of memberEventsAt(core, visibility, undefined)) {
    const { content } = core.roomEvent(event, core.roomId)
    if (content.membership !== 'join' || event.stateKey === undefined) continue
    const text = (key: string): string | null => {
      const value = content[key]
      return typeof value === 'string' ? value : null
    }
    joined.push([event.stateKey, { display_name: text('displayname'), avatar_url: text('avatar_url') }])
  }
  return `{"joined":{${joined.map(([userId, profile]) => `${JSON.stringify(userId)}:${JSON.stringify(profile)}`).join(',')}}}`
}
