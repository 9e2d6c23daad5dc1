import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import type { ScopedNews } from '../../sliding-protocol.ts'
import type { RoomCore } from '../room-core.ts'

/** What of a room's receipts is asked for. */
export interface ReceiptsQuery {
  readonly readerId: string
  readonly wanted: ScopedNews
  /** What the client has of the room; `null`: nothing. */
  readonly from: number | null
  readonly to: number
  /** Events that the client is shown and may not have been shown before: receipts on them are told whenever they were set. */
  readonly shown: readonly StoredEvent[]
  readonly ignoredUsers: readonly string[]
}

/**
 * Receipts as the content of one `m.receipt` event (MSC4551, "Which receipts"): what changed; of a room that comes into scope also the reader's own and
 * those on what is shown.
 */
export function slidingReceipts(core: RoomCore, { readerId, wanted, from, to, shown, ignoredUsers }: ReceiptsQuery): string | undefined {
  const since = (after: number | null): string | undefined => core.ephemeral?.receiptsContent(readerId, after, to, ignoredUsers)
  if (wanted === 'nothing') return undefined
  if (wanted === 'all') return since(null)
  if (wanted === 'changes' && shown.length === 0) return since(from)
  const all = parsed(since(null))
  const changed = from === null ? {} : parsed(since(from))
  const shownIds = new Set(shown.map(({ eventId }) => eventId))
  const kept = Object.entries(all).flatMap(([eventId, kinds]): [eventId: string, kinds: unknown][] => {
    if (shownIds.has(eventId)) return [[eventId, kinds]]
    const some = usersOf(kinds).filter(
      ({ kind, userId }) => (wanted === 'everything' && userId === readerId) || receiptAt(changed, eventId, kind, userId) !== undefined,
    )
    return some.length === 0 ? [] : [[eventId, byKind(some)]]
  })
  return kept.length === 0 ? undefined : JSON.stringify(Object.fromEntries(kept))
}

interface UserReceipt {
  readonly kind: string
  readonly userId: string
  readonly receipt: unknown
}

function usersOf(kinds: unknown): UserReceipt[] {
  return Object.entries(isJsonObject(kinds) ? kinds : {}).flatMap(([kind, users]) =>
    Object.entries(isJsonObject(users) ? users : {}).map(([userId, receipt]) => ({ kind, userId, receipt })),
  )
}

function byKind(receipts: readonly UserReceipt[]): Record<string, Record<string, unknown>> {
  const kinds: Record<string, Record<string, unknown>> = {}
  for (const { kind, userId, receipt } of receipts) kinds[kind] = { ...kinds[kind], [userId]: receipt }
  return kinds
}

function receiptAt(content: JsonObject, eventId: string, kind: string, userId: string): unknown {
  const kinds = content[eventId]
  const users = isJsonObject(kinds) ? kinds[kind] : undefined
  return isJsonObject(users) ? users[userId] : undefined
}

function parsed(content: string | undefined): JsonObject {
  const events: unknown = content === undefined ? {} : JSON.parse(content)
  return isJsonObject(events) ? events : {}
}
