import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { inOrderOfAuthority } from '../ingest/in-order-of-authority.ts'
import { verifyRoomPdus } from '../ingest/verify-room-pdus.ts'
import { OUTLIERS_PER_CALL, VERIFY_CHUNK } from './limits.ts'
import type { RepairContext } from './repair-context.ts'

/** Fetched events after the checks that need no state. */
export interface Verified {
  /** Verified events, and those to be stored as rejected. */
  readonly events: readonly RoomEvent[]
  /** Those to be stored as rejected, by ID, and why. */
  readonly rejected: Readonly<Record<string, string>>
  /** Events that came and are not what their sender's server has signed. */
  readonly forged: readonly string[]
}

/** Checks formats, signatures and hashes of fetched PDUs, a chunk at a time. */
export async function verifyFetched(ctx: RepairContext, rules: RoomVersionRules, pdus: readonly JsonObject[]): Promise<Verified> {
  const events: RoomEvent[] = []
  const rejected: Record<string, string> = {}
  const forged: string[] = []
  for (let start = 0; start < pdus.length; start += VERIFY_CHUNK) {
    for (const verdict of await verifyRoomPdus(ctx, rules, ctx.roomId, pdus.slice(start, start + VERIFY_CHUNK))) {
      if (verdict.kind === 'rejected') rejected[verdict.eventId] = verdict.reason
      if (verdict.kind === 'dropped') forged.push(...(verdict.eventId === undefined ? [] : [verdict.eventId]))
      else events.push(verdict.event)
    }
  }
  return { events, rejected, forged }
}

/** Brings verified events to the room as what others refer to, each after its auth events; answers which auth events are still missing. */
export async function bringAll(ctx: RepairContext, verified: Verified): Promise<string[]> {
  const missing = new Set<string>()
  const ordered = inOrderOfAuthority(verified.events)
  for (let start = 0; start < ordered.length; start += OUTLIERS_PER_CALL) {
    const pdus = ordered.slice(start, start + OUTLIERS_PER_CALL).map(({ pdu }) => pdu)
    for (const eventId of unwrap(await ctx.room().bringOutliers({ pdus, rejected: verified.rejected }))) missing.add(eventId)
  }
  return [...missing]
}
