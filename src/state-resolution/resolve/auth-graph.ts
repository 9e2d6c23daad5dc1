import type { EventId } from '../../matrix/events/room-event.ts'
import type { EventReader } from './event-lookup.ts'

/** An {@link AuthGraph} as JSON. */
export interface AuthGraphData {
  readonly ids: readonly EventId[]
  /** Auth events of each event; `null` where they have not been read. */
  readonly edges: readonly (readonly number[] | null)[]
}

const NO_EDGES: readonly number[] = []

/** The part of the room's auth graph that a resolution has seen, events being numbered in the order of their discovery. */
export class AuthGraph {
  readonly #ids: EventId[]
  readonly #edges: (readonly number[] | null)[]
  /** Made when it is first needed: a resumed resolution that has read all it wants does without. */
  #numbers: Map<EventId, number> | undefined
  /** Room version 12: the create event, which every other event implies without citing it (rooms/v12, MSC4291). */
  readonly #impliedCreate: EventId | undefined

  constructor(data: AuthGraphData, impliedCreate: EventId | undefined) {
    this.#ids = [...data.ids]
    this.#edges = [...data.edges]
    this.#impliedCreate = impliedCreate
  }

  /** How many events have numbers. */
  get size(): number {
    return this.#ids.length
  }

  /** The number of an event, a new one if it has none yet. */
  number(id: EventId): number {
    this.#numbers ??= new Map(this.#ids.map((known, number) => [known, number]))
    const known = this.#numbers.get(id)
    if (known !== undefined) return known
    const number = this.#ids.push(id) - 1
    this.#edges.push(null)
    this.#numbers.set(id, number)
    return number
  }

  /** The event of a number. */
  id(number: number): EventId {
    return this.#ids[number] ?? ''
  }

  /** Reads the auth events of several events, as far as that has not happened. */
  load(numbers: readonly number[], reader: EventReader): void {
    const unread = numbers.filter((number) => this.#edges[number] === null)
    if (unread.length === 0) return
    const found = reader.authEventIds(unread.map((number) => this.id(number)))
    for (const number of unread) this.#edges[number] = this.#numberAll(this.id(number), found.get(this.id(number)))
  }

  /** Numbers of the auth events of a loaded event, each once; none for an event that the look-up does not know. */
  edges(number: number): readonly number[] {
    return this.#edges[number] ?? NO_EDGES
  }

  /** Lets go of everything, once it is not needed any more. */
  clear(): void {
    this.#ids.length = 0
    this.#edges.length = 0
    this.#numbers = undefined
  }

  /** The graph as JSON. */
  save(): AuthGraphData {
    return { ids: this.#ids, edges: this.#edges }
  }

  #numberAll(id: EventId, authEventIds: readonly EventId[] | undefined): readonly number[] {
    if (authEventIds === undefined) return NO_EDGES
    const numbers = authEventIds.map((cited) => this.number(cited))
    if (this.#impliedCreate !== undefined && id !== this.#impliedCreate) numbers.push(this.number(this.#impliedCreate))
    // Events of a valid format cite at most ten. What filter makes is no larger than it has to be, which matters for so many.
    return numbers.filter((number, place) => numbers.indexOf(number) === place)
  }
}
