import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { deleteClaimedState } from '../../../storage/room/claimed-states.ts'
import { isPlaced } from '../../../storage/room/events.ts'
import { type Gap, gapAt } from '../../../storage/room/gaps.ts'
import { readStagedHeads, unstagePdu } from '../../../storage/room/staging.ts'
import { isServerAllowed } from '../federation/server-access.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_CANDIDATES, MAX_IDS_PER_QUESTION, MAX_ROOTS, MAX_STAGED_LOOKED_AT } from './limits.ts'

/** A staged event that waits for events which are not staged themselves. */
export interface StagedRoot {
  readonly eventId: string
  readonly missingPrev: readonly string[]
  readonly missingAuth: readonly string[]
  /** It waits for nothing that is staged: what is known of the state before it can come from elsewhere only. */
  readonly isLowest: boolean
}

/** Room → Repair: what staged events lack, and whom to ask. */
export interface RepairPlan {
  readonly version: string
  readonly roots: readonly StagedRoot[]
  /** IDs of the newest events that are here. */
  readonly extremities: readonly string[]
  readonly servers: readonly string[]
}

/** What is to be fetched for staged events that a server sent. Nothing once everybody of this server has left. */
export function repairPlan(core: RoomCore, origin: string): RepairPlan {
  const heads = core.members.hasLocalJoined() ? readStagedHeads(core.store, MAX_STAGED_LOOKED_AT) : []
  const staged = new Set(heads.map(({ eventId }) => eventId))
  const roots = heads.flatMap(({ eventId, origin: sentBy, waits }): StagedRoot[] => {
    if (sentBy !== origin) return []
    const missingPrev = waits.prev.filter((id) => !staged.has(id) && !isHere(core, id))
    const missingAuth = waits.auth.filter((id) => !staged.has(id) && core.events.findById(id) === undefined)
    if (missingPrev.length + missingAuth.length === 0) return []
    const isLowest = ![...waits.prev, ...waits.auth].some((id) => staged.has(id))
    return [{ eventId, missingPrev, missingAuth, isLowest }]
  })
  return {
    version: core.rules.version,
    roots: roots.slice(0, MAX_ROOTS),
    extremities: core.events.getMany(core.head.extremities.slice(-MAX_ROOTS)).map(({ eventId }) => eventId),
    servers: candidateServers(core, []),
  }
}

function isHere(core: RoomCore, eventId: string): boolean {
  const stored = core.events.findById(eventId)
  return stored !== undefined && isPlaced(stored)
}

/** Gives up staged events that could not be completed. */
export function giveUpStaged(core: RoomCore, eventIds: readonly string[]): void {
  core.store.transaction(undefined, () => {
    for (const eventId of eventIds) {
      unstagePdu(core.store, eventId)
      deleteClaimedState(core.store, eventId)
    }
  })
}

/** Room → Repair: what history is missing at a place, and whom to ask. */
export interface GapPlan {
  readonly version: string
  /** `undefined` where nothing is missing any more. */
  readonly gap: Gap | undefined
  readonly servers: readonly string[]
}

/** What is to be fetched for a gap. */
export function gapPlan(core: RoomCore, ord: number): GapPlan {
  const [above] = core.events.page('forwards', ord - 1, ord + 1, 1)
  const sender = above === undefined ? undefined : parseUserId(above.sender)?.serverName
  return { version: core.rules.version, gap: gapAt(core.store, ord), servers: candidateServers(core, sender === undefined ? [] : [sender]) }
}

/** Which of some events are not here at all. */
export function unknownEvents(core: RoomCore, eventIds: readonly string[]): string[] {
  const asked = eventIds.slice(0, MAX_IDS_PER_QUESTION)
  const here = core.events.nidsOf(asked)
  return asked.filter((eventId) => !here.has(eventId))
}

/** Servers that are likely to know the room: some named first, then those with the most members. Never this one, nor one that is denied. */
export function candidateServers(core: RoomCore, first: readonly string[]): string[] {
  const candidates = new Set([...first, ...core.members.largestServers(MAX_CANDIDATES)])
  candidates.delete(core.config.serverName)
  return [...candidates].filter((serverName) => isServerAllowed(core, serverName)).slice(0, MAX_CANDIDATES)
}
