import { redactPdu } from '../../../matrix/events/redaction.ts'
import { type StoredEvent, toPdu } from '../../../storage/room/events.ts'
import { insertPendingRedaction } from '../../../storage/room/pending-redactions.ts'
import type { RoomCore } from '../room-core.ts'
import type { Draft } from './draft.ts'

/**
 * Redacts the target of an accepted redaction that may be applied, or remembers it for when the target arrives. Create events cannot be redacted
 * (E13). The caller holds the transaction.
 */
export function redactTarget(core: RoomCore, draft: Draft, redaction: StoredEvent, targetId: string, nowMs: number): void {
  const target = core.events.findById(targetId)
  if (target === undefined) {
    insertPendingRedaction(core.store, targetId, redaction.nid)
    return
  }
  if (target.redactedBy !== undefined || target.type === 'm.room.create') return
  core.events.redact(target, redactPdu(toPdu(target, draft.head.roomId), draft.rules), redaction.nid, nowMs)
  core.forgetRoomEvent(target.nid)
}
