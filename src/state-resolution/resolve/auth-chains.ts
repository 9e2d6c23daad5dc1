import type { AuthGraph } from './auth-graph.ts'
import type { Slice } from './slice.ts'

/** Progress of {@link AuthChains}, as JSON. */
export interface AuthChainsData {
  /** How many events of the graph have had their auth events read. Events are numbered as they are discovered, so this is a queue. */
  readonly loaded: number
  /** Per event: how many events that have no place in the order yet cite it. */
  readonly citations: readonly number[]
  /** Events that can be placed next. */
  readonly ready: readonly number[]
  readonly order: readonly number[]
}

/** {@link AuthChains} that have not begun. */
export const NO_PROGRESS: AuthChainsData = { loaded: 0, citations: [], ready: [], order: [] }

/** The auth chains of a set of events, in an order that follows the citations. */
export interface OrderedChains {
  /** Every event of the graph, by number, each before those that it cites. */
  readonly order: readonly number[]
  /** Whether there are cycles, for which no such order exists; only IDs that their origin chose allow them. */
  readonly cyclic: boolean
}

/** Reads the auth chains of all events that the graph has numbers for, and brings them into an order. */
export class AuthChains {
  readonly #graph: AuthGraph
  #loaded: number
  readonly #citations: number[]
  readonly #ready: number[]
  readonly #order: number[]

  constructor(data: AuthChainsData, graph: AuthGraph) {
    this.#graph = graph
    this.#loaded = data.loaded
    this.#citations = [...data.citations]
    this.#ready = [...data.ready]
    this.#order = [...data.order]
  }

  /** Goes on as far as the budget allows; whether the end was reached. */
  advance(slice: Slice): boolean {
    while (!slice.budget.exhausted) {
      if (this.#loaded < this.#graph.size) this.#load(slice)
      else if (this.#ready.length > 0) this.#place(slice)
      else return true
    }
    return false
  }

  /** The result, once the end was reached. */
  chains(): OrderedChains {
    const cyclic = this.#order.length < this.#graph.size
    if (!cyclic) return { order: this.#order, cyclic }
    const placed = new Set(this.#order)
    const unplaced = Array.from({ length: this.#graph.size }, (_, number) => number).filter((number) => !placed.has(number))
    return { order: [...this.#order, ...unplaced], cyclic }
  }

  save(): AuthChainsData {
    return { loaded: this.#loaded, citations: this.#citations, ready: this.#ready, order: this.#order }
  }

  #load({ reader, budget }: Slice): void {
    const granted = budget.take(this.#graph.size - this.#loaded)
    const batch = Array.from({ length: granted }, (_, place) => this.#loaded + place)
    this.#loaded += granted
    this.#graph.load(batch, reader)
    while (this.#citations.length < this.#graph.size) this.#citations.push(0)
    for (const number of batch) {
      for (const cited of this.#graph.edges(number)) this.#citations[cited] = (this.#citations[cited] ?? 0) + 1
    }
    if (this.#loaded < this.#graph.size) return
    for (const [number, citations] of this.#citations.entries()) if (citations === 0) this.#ready.push(number)
  }

  #place({ budget }: Slice): void {
    for (let granted = budget.takeSteps(this.#ready.length); granted > 0; granted--) {
      const number = this.#ready.pop()
      if (number === undefined) return
      this.#order.push(number)
      for (const cited of this.#graph.edges(number)) {
        const left = (this.#citations[cited] ?? 0) - 1
        this.#citations[cited] = left
        if (left === 0) this.#ready.push(cited)
      }
    }
  }
}
