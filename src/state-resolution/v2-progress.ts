import type { EventId } from '../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../matrix/room-versions/rules.ts'
import { type AuthChainsData, NO_PROGRESS, type OrderedChains } from './resolve/auth-chains.ts'
import type { AuthCheckData } from './resolve/auth-check.ts'
import type { AuthDifferenceData } from './resolve/auth-difference.ts'
import type { AuthGraphData } from './resolve/auth-graph.ts'
import type { ConflictedSubgraphData } from './resolve/conflicted-subgraph.ts'
import type { MainlineSortData } from './resolve/mainline-sort.ts'
import type { PowerSelectionData } from './resolve/power-events.ts'
import type { PowerSortData } from './resolve/power-sort.ts'
import { splitConflicted } from './resolve/split-conflicted.ts'
import { type StateMap, type StateMapKey, stateMapKey } from './state-map.ts'

/** Where a resolution by version 2 of the algorithm is, with what the step at hand has found. */
export type Step =
  | { readonly name: 'auth-chains'; readonly data: AuthChainsData }
  | { readonly name: 'auth-difference'; readonly chains: OrderedChains; readonly data: AuthDifferenceData }
  | {
      readonly name: 'conflicted-subgraph'
      readonly chains: OrderedChains
      readonly difference: readonly number[]
      readonly data: ConflictedSubgraphData
    }
  | { readonly name: 'power-events'; readonly fullConflicted: readonly number[]; readonly data: PowerSelectionData }
  | { readonly name: 'power-sort'; readonly selected: readonly number[]; readonly others: readonly EventId[]; readonly data: PowerSortData }
  | { readonly name: 'power-check'; readonly sorted: readonly EventId[]; readonly others: readonly EventId[]; readonly data: AuthCheckData }
  | { readonly name: 'mainline-sort'; readonly others: readonly EventId[]; readonly resolved: Entries; readonly data: MainlineSortData }
  | { readonly name: 'final-check'; readonly sorted: readonly EventId[]; readonly data: AuthCheckData }
  | { readonly name: 'done'; readonly resolved: Entries }

type Entries = readonly (readonly [StateMapKey, EventId])[]

/** Progress of a resolution, as JSON. */
export interface V2Progress {
  readonly algorithm: 'v2'
  /** The create event, which room version 12 implies; `null` elsewhere. */
  readonly impliedCreate: EventId | null
  /** For each input state, the events that it has under conflicted keys, by number. Empty once it is not needed any more, like the graph. */
  readonly conflicted: readonly (readonly number[])[]
  /** How many events the conflicted state set has: the first ones that the graph numbers. */
  readonly conflictedCount: number
  /** The auth graph as far as it was read. */
  readonly graph: AuthGraphData
  readonly step: Step
}

/** A graph of which nothing has been read. */
export const NO_GRAPH: AuthGraphData = { ids: [], edges: [] }
const CREATE = stateMapKey('m.room.create', '')

/** The beginning of a resolution. Without conflicts it is also the end. */
export function startV2(inputs: readonly StateMap[], rules: RoomVersionRules): { unconflicted: StateMap; progress: V2Progress } {
  const states = splitConflicted(inputs)
  const isConflicted = states.conflicted.length > 0
  const step: Step = isConflicted ? { name: 'auth-chains', data: NO_PROGRESS } : { name: 'done', resolved: [] }
  const create = rules.roomIdIsCreateHash ? inputs.map((state) => state.get(CREATE)).find((id) => id !== undefined) : undefined
  const progress: V2Progress = {
    algorithm: 'v2',
    impliedCreate: create ?? null,
    conflicted: states.conflictedOf,
    conflictedCount: states.conflicted.length,
    graph: { ids: states.conflicted, edges: states.conflicted.map(() => null) },
    step,
  }
  return { unconflicted: states.unconflicted, progress }
}
