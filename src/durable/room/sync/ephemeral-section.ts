import { matchesEventFilter, type RoomFilter } from '../../../matrix/filters.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'

/** Typing users and receipts that changed in a window, as `{"events":[…]}`; `undefined` when there is nothing to say. */
export function ephemeralSection(
  core: RoomCore,
  caller: Caller,
  from: number | null,
  to: number,
  filter: RoomFilter,
  ignoredUsers: readonly string[],
): string | undefined {
  const { ephemeral } = core
  if (ephemeral === undefined) return undefined
  const events: string[] = []
  if (matchesEventFilter(filter.ephemeral, { type: 'm.typing', roomId: core.roomId })) {
    const content = ephemeral.typingContent(from ?? -1, to, ignoredUsers)
    if (content !== undefined) events.push(`{"type":"m.typing","content":${content}}`)
  }
  if (matchesEventFilter(filter.ephemeral, { type: 'm.receipt', roomId: core.roomId })) {
    const content = ephemeral.receiptsContent(caller.userId, from, to, ignoredUsers)
    if (content !== undefined) events.push(`{"type":"m.receipt","content":${content}}`)
  }
  return events.length === 0 ? undefined : `{"events":[${events.join(',')}]}`
}
