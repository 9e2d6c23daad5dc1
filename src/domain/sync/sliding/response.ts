import type { SlidingPlan, SlidingPlannedRoom } from '../../../durable/sliding-protocol.ts'
import type { DeviceLists } from '../../e2ee/device-lists.ts'
import type { Dialect } from './dialect.ts'
import type { SlidingWindows } from './windows.ts'

/** A response as JSON text, and whether it tells the client anything. */
export interface RenderedSliding {
  readonly json: string
  readonly hasNews: boolean
}

/** Joins what account and rooms have said into a response, without parsing any of it. */
export function renderSliding(
  dialect: Dialect,
  plan: SlidingPlan,
  windows: SlidingWindows,
  deviceLists: DeviceLists,
  pos: string,
): RenderedSliding {
  const rooms = plan.rooms.flatMap((room) => {
    const json = renderRoom(dialect, room, windows)
    return json === undefined ? [] : [`${JSON.stringify(room.roomId)}:${json}`]
  })
  const extensions = renderExtensions(dialect, plan, windows, deviceLists)
  const lists = plan.lists.map(({ name, count }) => `${JSON.stringify(name)}:{"count":${count}}`)
  return {
    json: `{"pos":${JSON.stringify(pos)},"lists":{${lists.join(',')}},"rooms":{${rooms.join(',')}},"extensions":{${extensions.parts.join(',')}}}`,
    hasNews: rooms.length > 0 || extensions.hasNews,
  }
}

/** One room, or `undefined` where there is nothing to tell or the room could not be asked. */
function renderRoom({ form }: Dialect, room: SlidingPlannedRoom, windows: SlidingWindows): string | undefined {
  const window = windows.get(room.roomId)
  if (window?.withheld === true || (window === undefined && windows.has(room.roomId))) return undefined
  const isSilent = !room.hasOwnNews && (window === undefined || window.empty)
  if (isSilent) return undefined
  const parts = [`"bump_stamp":${room.bumpStamp}`, `"is_dm":${room.isDm}`]
  if (room.isInitial || window?.isNew === true) parts.push('"initial":true')
  if (form === 'v4') {
    parts.push(`"membership":"${room.membership}"`)
    if (room.lists.length > 0) parts.push(`"lists":${JSON.stringify(room.lists)}`)
  } else {
    parts.push(`"notification_count":${room.notifications}`, `"highlight_count":${room.highlights}`)
  }
  const strippedState = room.strippedState ?? window?.departure
  if (strippedState !== undefined) {
    const isOut = room.membership === 'leave' || room.membership === 'ban'
    parts.push(`"${form === 'v4' ? 'stripped_state' : isOut ? 'required_state' : 'invite_state'}":${strippedState}`)
  }
  if (window !== undefined && window.members !== '') parts.push(window.members)
  if (window?.isExpanded === true)
    parts.push(form === 'v4' ? '"expanded_timeline":true' : '"unstable_expanded_timeline":true,"expanded_timeline":true')
  return `{${parts.join(',')}}`
}

interface RenderedExtensions {
  readonly parts: readonly string[]
  readonly hasNews: boolean
}

function renderExtensions(
  { form, names }: Dialect,
  plan: SlidingPlan,
  windows: SlidingWindows,
  { changed, left }: DeviceLists,
): RenderedExtensions {
  const parts: string[] = []
  const byRoom = (pick: 'receipts' | 'typing', eventType: string): number => {
    const entries = [...windows].flatMap(([roomId, window]) => {
      const content = window?.[pick]
      if (content === undefined) return []
      // The merged form has no events around what an extension always says (MSC4508, MSC4551).
      return [`${JSON.stringify(roomId)}:${form === 'v4' ? content : `{"type":"${eventType}","content":${content}}`}`]
    })
    if (entries.length > 0) parts.push(`"${names[pick]}":{"rooms":{${entries.join(',')}}}`)
    return entries.length
  }
  const { toDevice, e2ee, accountData, roomAccountData, threadSubscriptions } = plan
  const ephemeral = byRoom('receipts', 'm.receipt') + byRoom('typing', 'm.typing')
  if (toDevice !== undefined)
    parts.push(`"${names.toDevice}":{"next_batch":${JSON.stringify(toDevice.nextBatch)},"events":${toDevice.events ?? '[]'}}`)
  if (e2ee !== undefined) {
    const { oneTimeKeys, unusedFallbackTypes } = e2ee.keyCounts
    // Who starts knows of nobody's devices yet, and asks for those that matter (MSC4543).
    const lists = form === 'v4' && !plan.incremental ? '' : `"device_lists":${JSON.stringify({ changed, left })},`
    parts.push(
      `"${names.e2ee}":{${lists}"device_one_time_keys_count":${oneTimeKeys},"device_unused_fallback_key_types":${unusedFallbackTypes}}`,
    )
  }
  if (accountData !== undefined || roomAccountData.length > 0) {
    const rooms = roomAccountData.map(({ roomId, events }) => `${JSON.stringify(roomId)}:${events}`)
    parts.push(`"${names.accountData}":{"global":${accountData ?? '[]'},"rooms":{${rooms.join(',')}}}`)
  }
  if (threadSubscriptions !== undefined) parts.push(`"io.element.msc4308.thread_subscriptions":${threadSubscriptions}`)
  const own = accountData !== undefined || roomAccountData.length > 0 || threadSubscriptions !== undefined || toDevice?.events !== undefined
  return { parts, hasNews: ephemeral > 0 || own || changed.length + left.length > 0 }
}
