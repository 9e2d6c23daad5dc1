import type { EventId, RoomEvent } from '../../matrix/events/room-event.ts'
import type { AuthGraph } from './auth-graph.ts'
import { isRoomState } from './sender-level.ts'
import type { Slice } from './slice.ts'

/**
 * Whether an event is a power event: one that might take away someone's ability to do something (rooms/v2#definitions). Like the deployed
 * servers, and unlike the letter of the definition, this counts create events, and only the room's own power levels and join rules (empty
 * state key).
 */
export function isPowerEvent(event: RoomEvent): boolean {
  if (event.stateKey === undefined) return false
  if (event.type === 'm.room.member') {
    return (event.content.membership === 'leave' || event.content.membership === 'ban') && event.sender !== event.stateKey
  }
  return isRoomState(event, 'm.room.power_levels') || isRoomState(event, 'm.room.join_rules') || isRoomState(event, 'm.room.create')
}

/** Progress of a {@link PowerSelection}, as JSON. */
export interface PowerSelectionData {
  /** How many events of the full conflicted set have been looked at. */
  readonly examined: number
  /** Those of them that the look-up knows. */
  readonly known: readonly number[]
  /** Those of them that are power events. */
  readonly power: readonly number[]
}

/** A {@link PowerSelection} that has not begun. */
export const NO_PROGRESS: PowerSelectionData = { examined: 0, known: [], power: [] }

/**
 * Divides the full conflicted set into the power events with the events of the set that authorize them, and the others (step 1 of the
 * algorithm, rooms/v2#algorithm). Authorizing events are found, as by the deployed servers, along auth events that belong to the set
 * themselves. Unknown events are left out.
 */
export class PowerSelection {
  readonly #graph: AuthGraph
  readonly #fullConflicted: readonly number[]
  #examined: number
  readonly #known: number[]
  readonly #power: number[]

  constructor(data: PowerSelectionData, graph: AuthGraph, fullConflicted: readonly number[]) {
    this.#graph = graph
    this.#fullConflicted = fullConflicted
    this.#examined = data.examined
    this.#known = [...data.known]
    this.#power = [...data.power]
  }

  /** Goes on as far as the budget allows; whether the end was reached. */
  advance({ reader, budget }: Slice): boolean {
    while (!budget.exhausted) {
      const granted = budget.take(this.#fullConflicted.length - this.#examined)
      if (granted === 0) return true
      const batch = this.#fullConflicted.slice(this.#examined, this.#examined + granted)
      this.#examined += granted
      reader.prefetch(batch.map((number) => this.#graph.id(number)))
      for (const number of batch) {
        const event = reader.get(this.#graph.id(number))
        if (event === undefined) continue
        this.#known.push(number)
        if (isPowerEvent(event)) this.#power.push(number)
      }
    }
    return false
  }

  /** The two parts, once the end was reached. */
  selection(): { readonly selected: number[]; readonly others: EventId[] } {
    const known = new Set(this.#known)
    const selected = new Set(this.#power)
    // A set yields what is added while it is being walked.
    for (const number of selected) {
      for (const cited of this.#graph.edges(number)) {
        if (known.has(cited)) selected.add(cited)
      }
    }
    const others = this.#known.filter((number) => !selected.has(number)).map((number) => this.#graph.id(number))
    return { selected: [...selected], others }
  }

  save(): PowerSelectionData {
    return { examined: this.#examined, known: this.#known, power: this.#power }
  }
}
