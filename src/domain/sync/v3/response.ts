import type { KeyCounts, PlannedRoom, RoomWindow, SyncPlan, SyncSection } from '../../../durable/sync-protocol.ts'
import { type DeviceLists, NO_DEVICE_LISTS } from '../../e2ee/device-lists.ts'
import type { Windows } from './windows.ts'

const EMPTY_EVENTS = '{"events":[]}'
const EMPTY_TIMELINE = '{"events":[],"limited":false}'

/** Under which name clients are told of state: before the timeline, or after it (MSC4222), by the name that they asked with. */
export type StateKey = 'state' | 'state_after' | 'org.matrix.msc4222.state_after'

/** A sync response as JSON text, and whether it tells the client anything. */
export interface RenderedSync {
  readonly json: string
  readonly hasNews: boolean
}

/** Joins what account and rooms have said into a response (client-server-api `GET /sync`), without parsing any of it. */
export function renderSync(
  plan: SyncPlan,
  windows: Windows,
  { changed, left }: DeviceLists,
  nextBatch: string,
  stateKey: StateKey,
): RenderedSync {
  const sections: Record<SyncSection, string[]> = { join: [], invite: [], knock: [], leave: [] }
  for (const room of plan.rooms) {
    const json = renderRoom(room, windows, stateKey)
    if (json !== undefined) sections[room.section].push(`${JSON.stringify(room.roomId)}:${json}`)
  }
  // Invitations and knocks are rare: where there are none, their sections are left out.
  const shown = Object.entries(sections).filter(([section, entries]) => entries.length > 0 || section === 'join' || section === 'leave')
  const rooms = shown.map(([section, entries]) => `"${section}":{${entries.join(',')}}`)
  const parts = [
    `"next_batch":${JSON.stringify(nextBatch)}`,
    `"rooms":{${rooms.join(',')}}`,
    `"account_data":${eventsOr(plan.accountData)}`,
    `"presence":${eventsOr(plan.presence)}`,
    `"to_device":${eventsOr(plan.toDevice)}`,
    `"device_lists":${JSON.stringify({ changed, left })}`,
    `"device_one_time_keys_count":${plan.keyCounts.oneTimeKeys}`,
    `"device_unused_fallback_key_types":${plan.keyCounts.unusedFallbackTypes}`,
  ]
  const hasOwnNews =
    plan.accountData !== undefined || plan.toDevice !== undefined || plan.presence !== undefined || changed.length + left.length > 0
  return { json: `{${parts.join(',')}}`, hasNews: hasOwnNews || Object.values(sections).some((entries) => entries.length > 0) }
}

/** The response in which nothing happened. */
export function renderEmptySync(nextBatch: string, keyCounts: KeyCounts): string {
  return renderSync({ ...NOTHING, keyCounts }, new Map(), NO_DEVICE_LISTS, nextBatch, 'state').json
}

const NOTHING: Omit<SyncPlan, 'keyCounts'> = {
  userId: '',
  deviceId: '',
  empty: true,
  nextBatch: '',
  rooms: [],
  accountData: undefined,
  toDevice: undefined,
  incremental: true,
  devicesChanged: [],
  roomFilter: undefined,
  ignoredUsers: [],
}

/** One room of a response, or `undefined` where there is nothing to tell or the room could not be asked. */
function renderRoom(room: PlannedRoom, windows: Windows, stateKey: StateKey): string | undefined {
  const { roomId, section, isHidden } = room
  if (isHidden) return undefined
  if (section === 'invite' || section === 'knock') return `{"${section}_state":{"events":${room.strippedState ?? '[]'}}}`
  const window = windows.get(roomId)
  if (window?.withheld === true || (window === undefined && windows.has(roomId))) return undefined
  // That a room was left is news even where nothing in it may be seen.
  const isSilent =
    section === 'join' && (window === undefined || window.empty) && room.accountData === undefined && room.unreadChanged !== true
  return isSilent ? undefined : renderTimelineRoom(room, window, stateKey)
}

function renderTimelineRoom(room: PlannedRoom, window: RoomWindow | undefined, stateKey: StateKey): string {
  // A room that never was here and came to nothing: what ended it is the user's own to know.
  const departure =
    room.section === 'leave' && room.strippedState !== undefined ? `{"events":${room.strippedState},"limited":false}` : undefined
  const parts = [
    `"timeline":${departure ?? window?.timeline ?? EMPTY_TIMELINE}`,
    `"${stateKey}":${window?.state ?? EMPTY_EVENTS}`,
    `"account_data":${eventsOr(room.accountData)}`,
  ]
  if (room.section === 'join') {
    parts.push(`"ephemeral":${window?.ephemeral ?? EMPTY_EVENTS}`)
    if (window?.summary !== undefined) parts.push(`"summary":${window.summary}`)
    if (room.unread !== undefined) parts.push(`"unread_notifications":${room.unread}`)
    if (room.unreadThreads !== undefined) parts.push(`"unread_thread_notifications":${room.unreadThreads}`)
  }
  return `{${parts.join(',')}}`
}

function eventsOr(events: string | undefined): string {
  return events === undefined ? EMPTY_EVENTS : `{"events":${events}}`
}
