import { tooLarge } from '../../../matrix/errors.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { RoomCore } from '../room-core.ts'
import { importOutlier } from './import-outlier.ts'
import { MAX_OUTLIERS_PER_CALL } from './limits.ts'

/** Repair → room: events that others refer to, each after its own auth events; verified like those of a transaction. */
export interface BroughtOutliers {
  readonly pdus: readonly JsonObject[]
  /** Events among them that are to be stored as rejected, by ID, and why. */
  readonly rejected?: Readonly<Record<string, string>>
}

/**
 * Keeps events without a place in the graph: auth events and state that other servers tell of. One commit. Answers the IDs of auth events that are missing
 * for some of them, which were not kept. @throws MatrixError M_TOO_LARGE for more than {@link MAX_OUTLIERS_PER_CALL}.
 */
export function bringOutliers(core: RoomCore, { pdus, rejected }: BroughtOutliers): string[] {
  if (pdus.length > MAX_OUTLIERS_PER_CALL) throw tooLarge(`At most ${MAX_OUTLIERS_PER_CALL} events at a time`)
  const { roomId, rules } = core
  const missing = new Set<string>()
  try {
    core.store.transaction(undefined, () => {
      for (const pdu of pdus) {
        const parsed = parsePdu(pdu, rules, roomId)
        if (!parsed.ok) continue
        const { event } = parsed
        // The room's own create event is here; another one is no part of it (E19).
        if (event.type === 'm.room.create') continue
        const verdict = importOutlier(core, event, rules, roomId, rejected?.[event.eventId])
        if (verdict.kind === 'missing') for (const eventId of verdict.auth) missing.add(eventId)
      }
    })
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
  return [...missing]
}
