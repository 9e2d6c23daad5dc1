import type { OrderedChains } from './auth-chains.ts'
import type { AuthGraph } from './auth-graph.ts'
import type { Slice } from './slice.ts'

/** Progress of a {@link ConflictedSubgraph}, as JSON. */
export interface ConflictedSubgraphData {
  /** How many events have been looked at. */
  readonly passed: number
  /** Those of them that belong to the subgraph. */
  readonly members: readonly number[]
}

/** A {@link ConflictedSubgraph} that has not begun. */
export const NO_PROGRESS: ConflictedSubgraphData = { passed: 0, members: [] }

/**
 * The conflicted state subgraph (rooms/v12#definitions, MSC4297): every event on a path of auth events from one conflicted event to another,
 * both ends included. As every event of the chains is behind a conflicted one, those belong to it that are conflicted themselves or cite an
 * event that belongs to it. (Where this algorithm is used, IDs are hashes and there are no cycles.)
 */
export class ConflictedSubgraph {
  readonly #graph: AuthGraph
  readonly #chains: OrderedChains
  readonly #conflicted: ReadonlySet<number>
  readonly #members: Set<number>
  #passed: number

  /**
   * @param chains those of all conflicted events.
   * @param conflicted the conflicted state set, by number.
   */
  constructor(data: ConflictedSubgraphData, graph: AuthGraph, chains: OrderedChains, conflicted: readonly number[]) {
    this.#graph = graph
    this.#chains = chains
    this.#conflicted = new Set(conflicted)
    this.#members = new Set(data.members)
    this.#passed = data.passed
  }

  /** Goes on as far as the budget allows, from what is cited to what cites it; whether the end was reached. */
  advance({ budget }: Slice): boolean {
    const { order } = this.#chains
    while (!budget.exhausted) {
      const end = this.#passed + budget.takeSteps(order.length - this.#passed)
      if (end === this.#passed) return true
      for (; this.#passed < end; this.#passed++) {
        const number = order[order.length - 1 - this.#passed] ?? 0
        const belongs = this.#conflicted.has(number) || this.#graph.edges(number).some((cited) => this.#members.has(cited))
        if (belongs) this.#members.add(number)
      }
    }
    return false
  }

  /** The events of the subgraph, by number, once the end was reached. */
  subgraph(): number[] {
    return [...this.#members]
  }

  save(): ConflictedSubgraphData {
    return { passed: this.#passed, members: [...this.#members] }
  }
}
