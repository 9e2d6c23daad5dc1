import type { EventId } from '../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../matrix/room-versions/rules.ts'
import { AuthChains } from './resolve/auth-chains.ts'
import { IterativeAuthCheck, NOTHING_DECIDED } from './resolve/auth-check.ts'
import { AuthDifference, NO_PROGRESS as NO_DIFFERENCE } from './resolve/auth-difference.ts'
import { AuthGraph } from './resolve/auth-graph.ts'
import { ConflictedSubgraph, NO_PROGRESS as NO_SUBGRAPH } from './resolve/conflicted-subgraph.ts'
import { MainlineSort, mainlineFrom } from './resolve/mainline-sort.ts'
import { NO_PROGRESS as NO_SELECTION, PowerSelection } from './resolve/power-events.ts'
import { NO_PROGRESS as NO_POWER_SORT, PowerSort } from './resolve/power-sort.ts'
import type { Slice } from './resolve/slice.ts'
import type { NumberedStates } from './resolve/split-conflicted.ts'
import { type StateMap, stateMapKey } from './state-map.ts'
import { NO_GRAPH, type Step, type V2Progress } from './v2-progress.ts'

/*
 * State resolution of room versions 2 to 11 (rooms/v2#state-resolution) and, with two differences, of version 12 (rooms/v12#state-resolution,
 * MSC4297): there the full conflicted set includes the conflicted state subgraph, and the iterative auth checks start from an empty state.
 */

const POWER_LEVELS = stateMapKey('m.room.power_levels', '')

/** What all steps of a resolution work on. */
interface Work {
  readonly states: NumberedStates
  readonly rules: RoomVersionRules
  readonly impliedCreate: EventId | null
  readonly graph: AuthGraph
  /** The conflicted state set, by number. They are the first events that the graph numbers. */
  readonly conflicted: readonly number[]
  /** What the iterative auth checks start from. */
  readonly initialState: StateMap
}

/** A step in progress. */
interface Stage {
  readonly name: Step['name']
  /** Goes on as far as the budget allows: the step that follows, or `undefined` if this one has not ended. */
  advance(slice: Slice): Stage | undefined
  /** A copy of what it needs to be resumed. */
  save(): Step
}

/** A resolution in progress. */
export class V2Resolution {
  readonly #work: Work
  #stage: Stage

  constructor(progress: V2Progress, unconflicted: StateMap, rules: RoomVersionRules) {
    const graph = new AuthGraph(progress.graph, progress.impliedCreate ?? undefined)
    this.#work = {
      states: { unconflicted, conflicted: progress.conflicted },
      rules,
      impliedCreate: progress.impliedCreate,
      graph,
      conflicted: Array.from({ length: progress.conflictedCount }, (_, number) => number),
      initialState: rules.stateResolution === 'v2.1' ? new Map() : unconflicted,
    }
    this.#stage = resume(progress.step, this.#work)
  }

  /** Goes on as far as the budget allows; the entries to add to the unconflicted state, if the end was reached. */
  advance(slice: Slice): StateMap | undefined {
    while (this.#stage.name !== 'done' && !slice.budget.exhausted) {
      const next = this.#stage.advance(slice)
      if (next === undefined) continue
      this.#stage = next
      // What one step hands to the next is copied whole.
      slice.budget.spendSteps(this.#work.graph.size)
      if (!GRAPH_STEPS.includes(next.name)) this.#work.graph.clear()
    }
    const step = this.#stage.name === 'done' ? this.#stage.save() : undefined
    return step?.name === 'done' ? new Map(step.resolved) : undefined
  }

  save(): V2Progress {
    const needsGraph = GRAPH_STEPS.includes(this.#stage.name)
    return {
      algorithm: 'v2',
      impliedCreate: this.#work.impliedCreate,
      conflicted: needsGraph ? this.#work.states.conflicted : [],
      conflictedCount: needsGraph ? this.#work.conflicted.length : 0,
      graph: needsGraph ? this.#work.graph.save() : NO_GRAPH,
      step: this.#stage.save(),
    }
  }
}

const GRAPH_STEPS: readonly Step['name'][] = ['auth-chains', 'auth-difference', 'conflicted-subgraph', 'power-events', 'power-sort']

type StepOf<Name extends Step['name']> = Extract<Step, { name: Name }>

function resume(step: Step, work: Work): Stage {
  switch (step.name) {
    case 'auth-chains':
      return readChains(step, work)
    case 'auth-difference':
      return findDifference(step, work)
    case 'conflicted-subgraph':
      return findSubgraph(step, work)
    case 'power-events':
      return selectPowerEvents(step, work)
    case 'power-sort':
      return sortPowerEvents(step, work)
    case 'power-check':
      return checkPowerEvents(step, work)
    case 'mainline-sort':
      return sortOthers(step, work)
    case 'final-check':
      return checkOthers(step, work)
    case 'done':
      return { name: 'done', advance: () => undefined, save: () => step }
  }
}

/** A step from what does its work: a copy of its progress, and what follows once it has ended. */
function stage<Name extends Step['name']>(
  step: StepOf<Name>,
  advance: (slice: Slice) => boolean,
  save: () => StepOf<Name>,
  next: () => Stage,
): Stage {
  return { name: step.name, advance: (slice) => (advance(slice) ? next() : undefined), save }
}

function readChains(step: StepOf<'auth-chains'>, work: Work): Stage {
  const chains = new AuthChains(step.data, work.graph)
  return stage<'auth-chains'>(
    step,
    (slice) => chains.advance(slice),
    () => ({ ...step, data: chains.save() }),
    () => findDifference({ name: 'auth-difference', chains: chains.chains(), data: NO_DIFFERENCE }, work),
  )
}

function findDifference(step: StepOf<'auth-difference'>, work: Work): Stage {
  const { chains } = step
  const difference = new AuthDifference(step.data, work.graph, chains, work.states)
  return stage<'auth-difference'>(
    step,
    (slice) => difference.advance(slice),
    () => ({ ...step, data: difference.save() }),
    () => {
      const found = difference.difference()
      if (work.rules.stateResolution !== 'v2.1') return withFullConflictedSet(found, [], work)
      return findSubgraph({ name: 'conflicted-subgraph', chains, difference: found, data: NO_SUBGRAPH }, work)
    },
  )
}

function findSubgraph(step: StepOf<'conflicted-subgraph'>, work: Work): Stage {
  const subgraph = new ConflictedSubgraph(step.data, work.graph, step.chains, work.conflicted)
  return stage<'conflicted-subgraph'>(
    step,
    (slice) => subgraph.advance(slice),
    () => ({ ...step, data: subgraph.save() }),
    () => withFullConflictedSet(step.difference, subgraph.subgraph(), work),
  )
}

function withFullConflictedSet(difference: readonly number[], subgraph: readonly number[], work: Work): Stage {
  const marks = new Array<boolean>(work.graph.size).fill(false)
  for (const numbers of [work.conflicted, difference, subgraph]) for (const number of numbers) marks[number] = true
  const fullConflicted = marks.flatMap((isIn, number) => (isIn ? number : []))
  return selectPowerEvents({ name: 'power-events', fullConflicted, data: NO_SELECTION }, work)
}

function selectPowerEvents(step: StepOf<'power-events'>, work: Work): Stage {
  const selection = new PowerSelection(step.data, work.graph, step.fullConflicted)
  return stage<'power-events'>(
    step,
    (slice) => selection.advance(slice),
    () => ({ ...step, data: selection.save() }),
    () => sortPowerEvents({ name: 'power-sort', ...selection.selection(), data: NO_POWER_SORT }, work),
  )
}

function sortPowerEvents(step: StepOf<'power-sort'>, work: Work): Stage {
  const sort = new PowerSort(step.data, work.graph, step.selected)
  return stage<'power-sort'>(
    step,
    (slice) => sort.advance(slice),
    () => ({ ...step, data: sort.save() }),
    () => {
      const numbers = sort.sorted()
      const sorted = numbers.map((number) => work.graph.id(number))
      // Events in a cycle, which only IDs chosen by their origin allow, cannot be sorted by it: they are left to the second ordering.
      const placed = new Set(numbers)
      const unplaced = step.selected.filter((number) => !placed.has(number)).map((number) => work.graph.id(number))
      return checkPowerEvents({ name: 'power-check', sorted, others: [...step.others, ...unplaced], data: NOTHING_DECIDED }, work)
    },
  )
}

function checkPowerEvents(step: StepOf<'power-check'>, work: Work): Stage {
  const { others } = step
  const check = new IterativeAuthCheck(step.data, step.sorted, work.initialState)
  return stage<'power-check'>(
    step,
    (slice) => check.advance(slice),
    () => ({ ...step, data: check.save() }),
    () => {
      const powerLevels = check.resolved.get(POWER_LEVELS) ?? work.initialState.get(POWER_LEVELS)
      return sortOthers({ name: 'mainline-sort', others, resolved: [...check.resolved], data: mainlineFrom(powerLevels) }, work)
    },
  )
}

function sortOthers(step: StepOf<'mainline-sort'>, work: Work): Stage {
  const { resolved } = step
  const sort = new MainlineSort(step.data, step.others)
  return stage<'mainline-sort'>(
    step,
    (slice) => sort.advance(slice),
    () => ({ ...step, data: sort.save() }),
    () => checkOthers({ name: 'final-check', sorted: sort.sorted(), data: { decided: 0, resolved } }, work),
  )
}

function checkOthers(step: StepOf<'final-check'>, work: Work): Stage {
  const check = new IterativeAuthCheck(step.data, step.sorted, work.initialState)
  return stage<'final-check'>(
    step,
    (slice) => check.advance(slice),
    () => ({ ...step, data: check.save() }),
    () => resume({ name: 'done', resolved: [...check.resolved] }, work),
  )
}
