import type { EventId } from '../../matrix/events/room-event.ts'
import { type StateMap, stateMapKey } from '../state-map.ts'
import type { AuthGraph } from './auth-graph.ts'
import type { Slice } from './slice.ts'
import type { SplitStates } from './split-conflicted.ts'

/** Progress of an {@link AuthDifference}, as JSON. */
export interface AuthDifferenceData {
  /** Number of the state whose auth chain is being walked; the number of states itself while that of the unconflicted events is. */
  readonly walking: number
  /** How many of its events have been used as starting points. */
  readonly started: number
  /** Events of the chain whose own auth events are still to be followed. */
  readonly pending: readonly number[]
  /** Per event: in how many states' chains it was found. */
  readonly counts: readonly number[]
  /** Per event: the last walk that came by, plus one; 0 for none. */
  readonly visited: readonly number[]
}

/** An {@link AuthDifference} that has not begun. */
export const NO_PROGRESS: AuthDifferenceData = { walking: 0, started: 0, pending: [], counts: [], visited: [] }

/**
 * The auth difference (rooms/v2#definitions): the events that are in the auth chains of some input states, but not of all. The chain of a
 * state is taken to include the state's own events, as the deployed servers do.
 *
 * Unconflicted events contribute the same chain to every state, so the states' conflicted events are walked first. Only if that leaves
 * candidates is the chain of the unconflicted events walked, until every candidate has been found in it or it ends.
 */
export class AuthDifference {
  readonly #graph: AuthGraph
  readonly #conflicted: readonly (readonly EventId[])[]
  readonly #unconflicted: readonly EventId[]
  #walking: number
  #started: number
  readonly #pending: number[]
  readonly #counts: number[]
  readonly #visited: number[]
  /** While the unconflicted events are walked: how many events are in some chains and not known to be in all. */
  #candidates: number

  constructor(data: AuthDifferenceData, graph: AuthGraph, states: SplitStates) {
    this.#graph = graph
    this.#conflicted = states.conflicted
    this.#unconflicted = membersLast(states.unconflicted)
    this.#walking = data.walking
    this.#started = data.started
    this.#pending = [...data.pending]
    this.#counts = [...data.counts]
    this.#visited = [...data.visited]
    this.#candidates = this.difference().length
  }

  /** Goes on as far as the budget allows; whether the end was reached. */
  advance(slice: Slice): boolean {
    while (!slice.budget.exhausted) {
      if (this.#walking === this.#states && this.#candidates === 0) return true
      if (this.#pending.length > 0) this.#follow(slice)
      else if (!this.#start(slice) && this.#endWalk()) return true
    }
    return false
  }

  /** The events of the difference, by number, once the end was reached. */
  difference(): number[] {
    const numbers: number[] = []
    for (const [number, count] of this.#counts.entries()) {
      if (this.#isCandidate(count)) numbers.push(number)
    }
    return numbers
  }

  save(): AuthDifferenceData {
    return {
      walking: this.#walking,
      started: this.#started,
      pending: this.#pending,
      counts: this.#counts,
      visited: this.#visited,
    }
  }

  /** How many input states there are: the count of an event that is in every chain. */
  get #states(): number {
    return this.#conflicted.length
  }

  /** Takes the next starting points of the current walk; whether there were any. */
  #start({ budget }: Slice): boolean {
    const roots = this.#conflicted[this.#walking] ?? this.#unconflicted
    const granted = budget.take(roots.length - this.#started)
    if (granted === 0) return false
    const batch = roots.slice(this.#started, this.#started + granted)
    this.#started += granted
    for (const id of batch) this.#reach(this.#graph.number(id))
    return true
  }

  /** Follows the auth events of a batch of pending events. */
  #follow({ reader, budget }: Slice): void {
    const granted = budget.take(this.#pending.length)
    const batch = this.#pending.splice(this.#pending.length - granted, granted)
    this.#graph.load(batch, reader)
    for (const number of batch) {
      for (const cited of this.#graph.edges(number)) this.#reach(cited)
    }
  }

  /** Notes that an event is in the chain that is being walked. */
  #reach(number: number): void {
    this.#grow(number)
    if (this.#visited[number] === this.#walking + 1) return
    this.#visited[number] = this.#walking + 1
    const count = this.#counts[number] ?? 0
    if (this.#walking < this.#states) {
      this.#counts[number] = count + 1
    } else if (count === this.#states) {
      // What is in every chain cites nothing that is not.
      return
    } else if (this.#isCandidate(count)) {
      this.#dismiss(number)
    }
    this.#pending.push(number)
  }

  #grow(number: number): void {
    while (this.#counts.length <= number) {
      this.#counts.push(0)
      this.#visited.push(0)
    }
  }

  #isCandidate(count: number): boolean {
    return count > 0 && count < this.#states
  }

  /** A candidate that turned out to be in the chain of unconflicted events, and so in every state's. */
  #dismiss(number: number): void {
    this.#candidates -= 1
    this.#counts[number] = this.#states
  }

  /** Moves on to the next walk; whether none is left. */
  #endWalk(): boolean {
    if (this.#walking === this.#states) return true
    this.#walking += 1
    this.#started = 0
    if (this.#walking === this.#states) this.#candidates = this.difference().length
    return false
  }
}

const MEMBER_PREFIX = stateMapKey('m.room.member', '')

/** Events of a state. Those that most others cite come first, because they rule out candidates soonest. */
function membersLast(state: StateMap): EventId[] {
  const members: EventId[] = []
  const others: EventId[] = []
  for (const [key, id] of state) (key.startsWith(MEMBER_PREFIX) ? members : others).push(id)
  return [...others, ...members]
}
