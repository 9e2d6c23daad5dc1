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

/** PDUs taken out of staging in one commit; more come with the next, as they do when its resolutions have cost what a turn may. */
const MAX_RETRIED = 200
/** How often an event waits for a resolution, while others move the room on, before it is resolved at once. */
const MAX_RESOLUTION_WAITS = 3

/** What still waits after staged PDUs have been tried again. */
export interface StagedRest {
  readonly waiting: readonly StagedHead[]
  /** The bound was met: there may be more that is ready. */
  readonly more: boolean
}

/** How often staged events have waited for resolutions, in this life of the object. */
const resolutionWaits = new WeakMap<RoomCore, Map<string, number>>()

/** Applies staged PDUs that have what they waited for, and those that wait for them in turn. The caller holds the transaction. */
export function retryStaged(core: RoomCore, draft: Draft): StagedRest {
  const waiting = new Map(readStagedHeads(core.store, MAX_STAGED_LOOKED_AT).map((head) => [head.eventId, head]))
  const resolutions = resolutionEventsOf(core)
  let retried = 0
  const isEnough = (): boolean => retried >= MAX_RETRIED || resolutions.isTurnSpent
  for (let moved = waiting.size > 0; moved && !isEnough(); ) {
    moved = false
    for (const head of [...waiting.values()]) {
      if (isEnough() || !isReady(core, head)) continue
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
  if (more || lacking.length > 0) core.due.ensure(REPAIR_DUE, '', core.nowMs() + REPAIR_RETRY_MS)
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
  const facts = { nowMs: core.nowMs(), refusal: head.refusal }
  const isPatient = countWaits(core, head) < MAX_RESOLUTION_WAITS
  const verdict = appendRemoteEvent(core, draft, parsed.event, isPatient ? facts : { ...facts, resolutionBudget: Number.POSITIVE_INFINITY })
  if (verdict.kind === 'missing' || verdict.kind === 'unresolved') stagePdu(core.store, { ...head, pdu: text, waits: waitsOf(verdict) })
  else joinTips(core, draft)
  return verdict
}

/** A room whose state moves on all the time must not keep an event waiting for ever. */
function countWaits(core: RoomCore, { eventId, waits }: StagedHead): number {
  if (waits.groups.length === 0) return 0
  const counts = resolutionWaits.get(core) ?? new Map<string, number>()
  resolutionWaits.set(core, counts)
  if (counts.size >= MAX_STAGED_LOOKED_AT) counts.clear()
  const count = (counts.get(eventId) ?? 0) + 1
  counts.set(eventId, count)
  return count
}
