import type { AuthGraph } from './auth-graph.ts'
import type { Slice } from './slice.ts'

/** Progress of a {@link ConflictedSubgraph}, as JSON. */
export interface ConflictedSubgraphData {
  /** How many conflicted events have been used as starting points. */
  readonly started: number
  /** The path from a starting point to the event at hand. */
  readonly path: readonly number[]
  /** For each event of the path, how many of its auth events have been looked at. */
  readonly followed: readonly number[]
  /** Per event: see {@link Mark}. */
  readonly marks: readonly number[]
}

/** A {@link ConflictedSubgraph} that has not begun. */
export const NO_PROGRESS: ConflictedSubgraphData = { started: 0, path: [], followed: [], marks: [] }

/** What is known of an event: nothing, that it was reached, or that it was reached and leads to a conflicted event. */
type Mark = 0 | 1 | 2
const UNSEEN: Mark = 0
const SEEN: Mark = 1
const LEADS_BACK: Mark = 2

/**
 * The conflicted state subgraph (rooms/v12#definitions, MSC4297): every event on a path of auth events from one conflicted event to another,
 * both ends included. A depth-first walk from the conflicted events; an event belongs to the subgraph if it is conflicted itself or cites one
 * that belongs to it.
 */
export class ConflictedSubgraph {
  readonly #graph: AuthGraph
  readonly #roots: readonly number[]
  readonly #conflicted: ReadonlySet<number>
  #started: number
  readonly #path: number[]
  readonly #followed: number[]
  readonly #marks: number[]

  /** @param conflicted the conflicted state set, by number. */
  constructor(data: ConflictedSubgraphData, graph: AuthGraph, conflicted: readonly number[]) {
    this.#graph = graph
    this.#roots = conflicted
    this.#conflicted = new Set(conflicted)
    this.#started = data.started
    this.#path = [...data.path]
    this.#followed = [...data.followed]
    this.#marks = [...data.marks]
  }

  /** Goes on as far as the budget allows; whether the end was reached. */
  advance(slice: Slice): boolean {
    while (!slice.budget.exhausted) {
      const at = this.#path.at(-1)
      if (at === undefined) {
        const root = this.#roots[this.#started]
        if (root === undefined) return true
        this.#started += 1
        this.#enter(root, slice)
      } else {
        this.#step(at, slice)
      }
    }
    return false
  }

  /** The events of the subgraph, by number, once the end was reached. */
  subgraph(): number[] {
    const numbers: number[] = []
    for (const [number, mark] of this.#marks.entries()) {
      if (mark === LEADS_BACK) numbers.push(number)
    }
    return numbers
  }

  save(): ConflictedSubgraphData {
    return { started: this.#started, path: this.#path, followed: this.#followed, marks: this.#marks }
  }

  /** Looks at the next auth event of the event at the end of the path, or leaves it. */
  #step(at: number, slice: Slice): void {
    const next = this.#followed.at(-1) ?? 0
    const cited = this.#graph.edges(at)[next]
    if (cited === undefined) {
      this.#path.pop()
      this.#followed.pop()
      const parent = this.#path.at(-1)
      if (parent !== undefined && this.#marks[at] === LEADS_BACK) this.#marks[parent] = LEADS_BACK
      return
    }
    this.#followed[this.#followed.length - 1] = next + 1
    // An event that is still on the path would be a cycle, which hashes rule out: it counts as leading nowhere else.
    if ((this.#marks[cited] ?? UNSEEN) === UNSEEN) this.#enter(cited, slice)
    else if (this.#marks[cited] === LEADS_BACK) this.#marks[at] = LEADS_BACK
  }

  #enter(number: number, { reader, budget }: Slice): void {
    while (this.#marks.length <= number) this.#marks.push(UNSEEN)
    if (this.#marks[number] !== UNSEEN) return
    budget.take(1)
    this.#graph.load([number], reader)
    this.#marks[number] = this.#conflicted.has(number) ? LEADS_BACK : SEEN
    this.#path.push(number)
    this.#followed.push(0)
  }
}
