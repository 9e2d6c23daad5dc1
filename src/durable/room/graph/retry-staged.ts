import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import { isJsonObject } from '../../../matrix/json.ts'
import { findClaimedState } from '../../../storage/room/claimed-states.ts'
import { isPlaced } from '../../../storage/room/events.ts'
import { findResolution } from '../../../storage/room/resolutions.ts'
import { planResolution } from '../../../storage/room/resolving.ts'
import { readStagedHeads, readStagedPdu, type StagedHead, stagePdu, unstagePdu } from '../../../storage/room/staging.ts'
import type { Draft } from '../append/draft.ts'
import type { RoomCore } from '../room-core.ts'
import { appendRemoteEvent, type RemoteVerdict } from './append-remote-event.ts'
import { joinTips } from './dummy-event.ts'
import { waitsOf } from './ingest.ts'
import { MAX_STAGED_LOOKED_AT } from './limits.ts'
import { REPAIR_DUE, REPAIR_RETRY_MS } from './repairs.ts'
import { resolutionEventsOf } from './resolution-events.ts'
import { RESOLVE_DUE, RESOLVE_RETRY_MS } from './resolution-work.ts'
import { starvingOf } from './starving.ts'

/** PDUs taken out of staging in one commit; more come with the next, as they do when its resolutions have cost what a turn may. */
const MAX_RETRIED = 200

/** What still waits after staged PDUs have been tried again. */
export interface StagedRest {
  readonly waiting: readonly StagedHead[]
  /** The bound was met: there may be more that is ready. */
  readonly more: boolean
}

/** Applies staged PDUs that have what they waited for, and those that wait for them in turn. The caller holds the transaction. */
export function retryStaged(core: RoomCore, draft: Draft): StagedRest {
  const waiting = new Map(readStagedHeads(core.store, MAX_STAGED_LOOKED_AT).map((head) => [head.eventId, head]))
  const resolutions = resolutionEventsOf(core)
  const starving = starvingOf(core)
  starving.review(waiting, core.nowMs())
  let retried = 0
  const isEnough = (): boolean => retried >= MAX_RETRIED || resolutions.isTurnSpent
  for (let moved = waiting.size > 0; moved && !isEnough(); ) {
    moved = false
    for (const head of [...waiting.values()]) {
      if (isEnough() || starving.holdsUp(head.eventId) || !isReady(core, head)) continue
      retried += 1
      const verdict = retryOne(core, draft, head)
      if (verdict?.kind === 'missing' || verdict?.kind === 'unresolved') {
        waiting.set(head.eventId, { ...head, waits: waitsOf(verdict) })
      } else {
        waiting.delete(head.eventId)
        moved = true
      }
    }
  }
  return { waiting: [...waiting.values()], more: waiting.size > 0 && isEnough() }
}

/** Makes sure that what is missing is fetched and that what is unresolved gets resolved, whatever happens to this life of the object. The caller holds the transaction. */
export function planMissing(core: RoomCore, { waiting, more }: StagedRest): void {
  const lacking = waiting.filter(({ waits }) => waits.prev.length + waits.auth.length > 0)
  // What waits for nothing but others is tried again when those are done, and by the alarm should a crash come between.
  const isHeldUp = waiting.some(({ waits }) => waits.prev.length + waits.auth.length + waits.groups.length === 0)
  if (more || isHeldUp || lacking.length > 0) core.due.ensure(REPAIR_DUE, '', core.nowMs() + REPAIR_RETRY_MS)
  if (more) core.repairs?.planRetry()
  else for (const { origin } of lacking) core.repairs?.plan(origin)
  const unresolved = waiting.flatMap(({ waits }) => (waits.groups.length > 0 ? [waits.groups] : []))
  for (const groups of unresolved) planResolution(core.store, groups)
  if (unresolved.length > 0) {
    core.due.ensure(RESOLVE_DUE, '', core.nowMs() + RESOLVE_RETRY_MS)
    core.repairs?.planResolution()
  }
}

function isReady(core: RoomCore, { eventId, waits }: StagedHead): boolean {
  if (waits.groups.length > 0) return findResolution(core.store, waits.groups) !== undefined
  if (waits.auth.some((id) => core.events.findById(id) === undefined)) return false
  const isMissing = (id: string): boolean => {
    const stored = core.events.findById(id)
    return stored === undefined || !isPlaced(stored)
  }
  return !waits.prev.some(isMissing) || findClaimedState(core.store, eventId) !== undefined
}

function retryOne(core: RoomCore, draft: Draft, head: StagedHead): RemoteVerdict | undefined {
  const text = readStagedPdu(core.store, head.eventId)
  const json: unknown = text === undefined ? undefined : JSON.parse(text)
  const parsed = isJsonObject(json) ? parsePdu(json, draft.rules, draft.head.roomId) : undefined
  unstagePdu(core.store, head.eventId)
  if (text === undefined || parsed?.ok !== true) return undefined
  if (head.waits.groups.length > 0) starvingOf(core).tried(head.eventId, core.nowMs())
  const verdict = appendRemoteEvent(core, draft, parsed.event, { nowMs: core.nowMs(), refusal: head.refusal })
  if (verdict.kind === 'missing' || verdict.kind === 'unresolved') {
    stagePdu(core.store, { ...head, pdu: text, waits: waitsOf(verdict) })
    return verdict
  }
  starvingOf(core).ended(head.eventId)
  joinTips(core, draft)
  return verdict
}
