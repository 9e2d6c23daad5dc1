import type { EventId } from '../../matrix/events/room-event.ts'
import { type StateMap, stateMapKey } from '../state-map.ts'
import type { OrderedChains } from './auth-chains.ts'
import type { AuthGraph } from './auth-graph.ts'
import type { Slice } from './slice.ts'
import type { NumberedStates } from './split-conflicted.ts'

/** Progress of an {@link AuthDifference}, as JSON. */
export interface AuthDifferenceData {
  /** Which {@link GROUP_STATES} input states are being followed; past the last group, the unconflicted events are. */
  readonly group: number
  /** How many events of the order have been passed in this round, or how many unconflicted events have been started from. */
  readonly passed: number
  /** Whether this round changed anything: with cycles in the graph, rounds go on until none does. */
  readonly changed: boolean
  /** Per event, during a group: in which of its states' chains it is, one bit a state. Empty at the beginning of a group. */
  readonly masks: readonly number[]
  /** Per event: see {@link Membership}. */
  readonly memberships: readonly number[]
  /** Events behind unconflicted ones whose own auth events are still to be followed. */
  readonly pending: readonly number[]
}

/** An {@link AuthDifference} that has not begun. */
export const NO_PROGRESS: AuthDifferenceData = { group: 0, passed: 0, changed: false, masks: [], memberships: [], pending: [] }

/** States followed at once: as many as fit into the bits of a small integer. */
const GROUP_STATES = 30

/** Bits: the event is in some state's chain; it is missing from some state's chain; it was found behind an unconflicted event. */
const FOUND = 1
const MISSING = 2
const SHARED = 4
/** What an event of the difference has, and nothing else. */
const DIFFERENT = FOUND | MISSING

/**
 * The auth difference (rooms/v2#definitions): the events that are in the auth chains of some input states, but not of all. The chain of a
 * state is taken to include the state's own events, as the deployed servers do.
 *
 * Unconflicted events contribute the same chain to every state, so the chains of the conflicted events are compared first. Only if that
 * leaves candidates are the unconflicted events followed, until every candidate has been found behind them or they end.
 */
export class AuthDifference {
  readonly #graph: AuthGraph
  readonly #chains: OrderedChains
  readonly #conflicted: readonly (readonly number[])[]
  readonly #unconflicted: StateMap
  #sharedRoots: readonly EventId[] | undefined
  #group: number
  #passed: number
  #changed: boolean
  #masks: number[]
  readonly #memberships: number[]
  readonly #pending: number[]
  #candidates: number

  /** @param chains those of all conflicted events. */
  constructor(data: AuthDifferenceData, graph: AuthGraph, chains: OrderedChains, states: NumberedStates) {
    this.#graph = graph
    this.#chains = chains
    this.#conflicted = states.conflicted
    this.#unconflicted = states.unconflicted
    this.#group = data.group
    this.#passed = data.passed
    this.#changed = data.changed
    this.#masks = [...data.masks]
    this.#memberships = [...data.memberships]
    this.#pending = [...data.pending]
    this.#candidates = this.difference().length
  }

  /** Goes on as far as the budget allows; whether the end was reached. */
  advance(slice: Slice): boolean {
    while (!slice.budget.exhausted) {
      if (this.#group * GROUP_STATES < this.#conflicted.length) this.#followGroup(slice)
      else if (this.#candidates === 0) return true
      else if (this.#pending.length > 0) this.#followShared(slice)
      else if (!this.#startShared(slice)) return true
    }
    return false
  }

  /** The events of the difference, by number, once the end was reached. */
  difference(): number[] {
    const numbers: number[] = []
    for (const [number, membership] of this.#memberships.entries()) {
      if (membership === DIFFERENT) numbers.push(number)
    }
    return numbers
  }

  save(): AuthDifferenceData {
    return {
      group: this.#group,
      passed: this.#passed,
      changed: this.#changed,
      masks: this.#masks,
      memberships: this.#memberships,
      pending: this.#pending,
    }
  }

  /** Lets each event of a batch hand its bits to those that it cites. */
  #followGroup({ budget }: Slice): void {
    if (this.#masks.length === 0) this.#beginGroup()
    const { order, cyclic } = this.#chains
    const end = this.#passed + budget.takeSteps(order.length - this.#passed)
    for (; this.#passed < end; this.#passed++) {
      const number = order[this.#passed] ?? 0
      const mask = this.#masks[number] ?? 0
      for (const cited of this.#graph.edges(number)) {
        const before = this.#masks[cited] ?? 0
        if ((before | mask) === before) continue
        this.#masks[cited] = before | mask
        this.#changed = true
      }
    }
    if (this.#passed < order.length) return
    this.#passed = 0
    if (!cyclic || !this.#changed) this.#endGroup()
    budget.spendSteps(order.length)
    this.#changed = false
  }

  #beginGroup(): void {
    this.#masks = new Array<number>(this.#graph.size).fill(0)
    for (const [place, numbers] of this.#groupStates().entries()) {
      for (const number of numbers) {
        this.#masks[number] = (this.#masks[number] ?? 0) | (1 << place)
      }
    }
  }

  #endGroup(): void {
    const all = 2 ** this.#groupStates().length - 1
    for (const [number, mask] of this.#masks.entries()) {
      const membership = (mask === 0 ? 0 : FOUND) | (mask === all ? 0 : MISSING)
      this.#memberships[number] = (this.#memberships[number] ?? 0) | membership
    }
    this.#masks = []
    this.#group += 1
    this.#candidates = this.difference().length
  }

  #groupStates(): readonly (readonly number[])[] {
    return this.#conflicted.slice(this.#group * GROUP_STATES, (this.#group + 1) * GROUP_STATES)
  }

  /** Takes the next unconflicted events; whether there were any. */
  #startShared({ budget }: Slice): boolean {
    this.#sharedRoots ??= membersLast(this.#unconflicted)
    const granted = budget.takeSteps(this.#sharedRoots.length - this.#passed)
    if (granted === 0) return false
    for (const id of this.#sharedRoots.slice(this.#passed, this.#passed + granted)) this.#share(this.#graph.number(id))
    this.#passed += granted
    return true
  }

  /** Follows the auth events of a batch of events that are behind unconflicted ones. */
  #followShared({ reader, budget }: Slice): void {
    const granted = budget.take(this.#pending.length)
    const batch = this.#pending.splice(this.#pending.length - granted, granted)
    this.#graph.load(batch, reader)
    for (const number of batch) {
      for (const cited of this.#graph.edges(number)) this.#share(cited)
    }
  }

  /** Notes that an event is behind an unconflicted one, and so in the chain of every state. */
  #share(number: number): void {
    while (this.#memberships.length <= number) this.#memberships.push(0)
    const membership = this.#memberships[number] ?? 0
    // What is in every chain cites nothing that is not.
    if (membership === FOUND || (membership & SHARED) !== 0) return
    if (membership === DIFFERENT) this.#candidates -= 1
    this.#memberships[number] = membership | SHARED
    this.#pending.push(number)
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
