import type { EventId } from '../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../matrix/room-versions/rules.ts'
import { type AuthCheckData, IterativeAuthCheck } from './resolve/auth-check.ts'
import { AuthDifference, type AuthDifferenceData, NO_PROGRESS as NO_DIFFERENCE } from './resolve/auth-difference.ts'
import { AuthGraph, type AuthGraphData } from './resolve/auth-graph.ts'
import { ConflictedSubgraph, type ConflictedSubgraphData, NO_PROGRESS as NO_SUBGRAPH } from './resolve/conflicted-subgraph.ts'
import { MainlineSort, type MainlineSortData, mainlineFrom } from './resolve/mainline-sort.ts'
import { PowerSelection, type PowerSelectionData } from './resolve/power-events.ts'
import { NO_PROGRESS as NO_POWER_SORT, PowerSort, type PowerSortData } from './resolve/power-sort.ts'
import type { Slice } from './resolve/slice.ts'
import { type SplitStates, splitConflicted } from './resolve/split-conflicted.ts'
import { type StateMap, type StateMapKey, stateMapKey } from './state-map.ts'

/*
 * State resolution of room versions 2 to 11 (rooms/v2#state-resolution) and, with two differences, of version 12 (rooms/v12#state-resolution,
 * MSC4297): there the full conflicted set includes the conflicted state subgraph, and the iterative auth checks start from an empty state.
 */

/** Where a resolution is, with what the step at hand has found. */
type Step =
  | { readonly name: 'auth-difference'; readonly data: AuthDifferenceData }
  | { readonly name: 'conflicted-subgraph'; readonly difference: readonly number[]; readonly data: ConflictedSubgraphData }
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
  /** For each input state, the events that it has under conflicted keys. */
  readonly conflicted: readonly (readonly EventId[])[]
  /** The auth graph as far as it was read; empty once it is not needed any more. */
  readonly graph: AuthGraphData
  readonly step: Step
}

const NO_GRAPH: AuthGraphData = { ids: [], edges: [] }
const CREATE = stateMapKey('m.room.create', '')
const POWER_LEVELS = stateMapKey('m.room.power_levels', '')

/** The beginning of a resolution. Without conflicts it is also the end. */
export function startV2(inputs: readonly StateMap[], rules: RoomVersionRules): { unconflicted: StateMap; progress: V2Progress } {
  const states = splitConflicted(inputs)
  const isConflicted = states.conflicted.some((ids) => ids.length > 0)
  const step: Step = isConflicted ? { name: 'auth-difference', data: NO_DIFFERENCE } : { name: 'done', resolved: [] }
  const create = rules.roomIdIsCreateHash ? inputs.map((state) => state.get(CREATE)).find((id) => id !== undefined) : undefined
  const progress: V2Progress = { algorithm: 'v2', impliedCreate: create ?? null, conflicted: states.conflicted, graph: NO_GRAPH, step }
  return { unconflicted: states.unconflicted, progress }
}

/** One slice of a resolution. */
export class V2Resolution {
  readonly #states: SplitStates
  readonly #rules: RoomVersionRules
  readonly #impliedCreate: EventId | null
  readonly #graph: AuthGraph
  #step: Step

  constructor(progress: V2Progress, unconflicted: StateMap, rules: RoomVersionRules) {
    this.#states = { unconflicted, conflicted: progress.conflicted }
    this.#rules = rules
    this.#impliedCreate = progress.impliedCreate
    this.#graph = new AuthGraph(progress.graph, progress.impliedCreate ?? undefined)
    this.#step = progress.step
  }

  /** Goes on as far as the budget allows; the entries to add to the unconflicted state, if the end was reached. */
  advance(slice: Slice): StateMap | undefined {
    while (this.#step.name !== 'done' && !slice.budget.exhausted) this.#step = this.#next(this.#step, slice)
    return this.#step.name === 'done' ? new Map(this.#step.resolved) : undefined
  }

  save(): V2Progress {
    const needsGraph = GRAPH_STEPS.includes(this.#step.name)
    return {
      algorithm: 'v2',
      impliedCreate: this.#impliedCreate,
      conflicted: needsGraph ? this.#states.conflicted : [],
      graph: needsGraph ? this.#graph.save() : NO_GRAPH,
      step: this.#step,
    }
  }

  /** The step as far as the budget takes it, or the one after it. */
  #next(step: Exclude<Step, { name: 'done' }>, slice: Slice): Step {
    switch (step.name) {
      case 'auth-difference':
        return this.#findDifference(step.data, slice)
      case 'conflicted-subgraph':
        return this.#findSubgraph(step, slice)
      case 'power-events':
        return this.#selectPowerEvents(step, slice)
      case 'power-sort':
        return this.#sortPowerEvents(step, slice)
      case 'power-check':
        return this.#checkPowerEvents(step, slice)
      case 'mainline-sort':
        return this.#sortOthers(step, slice)
      case 'final-check':
        return this.#checkOthers(step, slice)
    }
  }

  #findDifference(data: AuthDifferenceData, slice: Slice): Step {
    const work = new AuthDifference(data, this.#graph, this.#states)
    if (!work.advance(slice)) return { name: 'auth-difference', data: work.save() }
    const difference = work.difference()
    if (this.#rules.stateResolution === 'v2.1') return { name: 'conflicted-subgraph', difference, data: NO_SUBGRAPH }
    return this.#withFullConflictedSet(difference, [])
  }

  #findSubgraph(step: Extract<Step, { name: 'conflicted-subgraph' }>, slice: Slice): Step {
    const work = new ConflictedSubgraph(step.data, this.#graph, this.#conflictedSet())
    if (!work.advance(slice)) return { ...step, data: work.save() }
    return this.#withFullConflictedSet(step.difference, work.subgraph())
  }

  #withFullConflictedSet(difference: readonly number[], subgraph: readonly number[]): Step {
    const fullConflicted = [...new Set([...this.#conflictedSet(), ...difference, ...subgraph])]
    return { name: 'power-events', fullConflicted, data: { examined: 0, known: [], power: [] } }
  }

  #selectPowerEvents(step: Extract<Step, { name: 'power-events' }>, slice: Slice): Step {
    const work = new PowerSelection(step.data, this.#graph, step.fullConflicted)
    if (!work.advance(slice)) return { ...step, data: work.save() }
    const { selected, others } = work.selection()
    return { name: 'power-sort', selected, others, data: NO_POWER_SORT }
  }

  #sortPowerEvents(step: Extract<Step, { name: 'power-sort' }>, slice: Slice): Step {
    const work = new PowerSort(step.data, this.#graph, step.selected)
    if (!work.advance(slice)) return { ...step, data: work.save() }
    const sorted = work.sorted()
    // Events in a cycle, which only IDs chosen by their origin allow, cannot be sorted by it: they are left to the second ordering.
    const placed = new Set(sorted)
    const unsortable = step.selected.filter((number) => !placed.has(number))
    return {
      name: 'power-check',
      sorted: sorted.map((number) => this.#graph.id(number)),
      others: [...step.others, ...unsortable.map((number) => this.#graph.id(number))],
      data: { decided: 0, resolved: [] },
    }
  }

  #checkPowerEvents(step: Extract<Step, { name: 'power-check' }>, slice: Slice): Step {
    const work = new IterativeAuthCheck(step.data, step.sorted, this.#initialState())
    if (!work.advance(slice)) return { ...step, data: work.save() }
    const powerLevels = work.resolved.get(POWER_LEVELS) ?? this.#initialState().get(POWER_LEVELS)
    return { name: 'mainline-sort', others: step.others, resolved: [...work.resolved], data: mainlineFrom(powerLevels) }
  }

  #sortOthers(step: Extract<Step, { name: 'mainline-sort' }>, slice: Slice): Step {
    const work = new MainlineSort(step.data, step.others)
    if (!work.advance(slice)) return { ...step, data: work.save() }
    return { name: 'final-check', sorted: work.sorted(), data: { decided: 0, resolved: step.resolved } }
  }

  #checkOthers(step: Extract<Step, { name: 'final-check' }>, slice: Slice): Step {
    const work = new IterativeAuthCheck(step.data, step.sorted, this.#initialState())
    if (!work.advance(slice)) return { ...step, data: work.save() }
    return { name: 'done', resolved: [...work.resolved] }
  }

  /** What the iterative auth checks start from. */
  #initialState(): StateMap {
    return this.#rules.stateResolution === 'v2.1' ? EMPTY : this.#states.unconflicted
  }

  /** The conflicted state set, by number. */
  #conflictedSet(): number[] {
    return [...new Set(this.#states.conflicted.flat())].map((id) => this.#graph.number(id))
  }
}

const EMPTY: StateMap = new Map()
const GRAPH_STEPS: readonly Step['name'][] = ['auth-difference', 'conflicted-subgraph', 'power-events', 'power-sort']
