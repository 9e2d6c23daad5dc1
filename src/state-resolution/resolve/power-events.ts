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
  /** Those of them that are power events, and behind them what authorizes them, as far as that was followed. */
  readonly selected: readonly number[]
  /** How many of the selected have been followed. */
  readonly followed: number
}

/** A {@link PowerSelection} that has not begun. */
export const NO_PROGRESS: PowerSelectionData = { examined: 0, known: [], selected: [], followed: 0 }

/** Marks of an event in the set: the look-up knows it; it was selected. */
const KNOWN = 1
const SELECTED = 2

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
  readonly #selected: number[]
  #followed: number
  /** By number. */
  readonly #marks: number[]

  constructor(data: PowerSelectionData, graph: AuthGraph, fullConflicted: readonly number[]) {
    this.#graph = graph
    this.#fullConflicted = fullConflicted
    this.#examined = data.examined
    this.#known = [...data.known]
    this.#selected = [...data.selected]
    this.#followed = data.followed
    this.#marks = new Array<number>(graph.size).fill(0)
    for (const number of this.#known) this.#marks[number] = KNOWN
    for (const number of this.#selected) this.#marks[number] = KNOWN | SELECTED
  }

  /** Goes on as far as the budget allows; whether the end was reached. */
  advance(slice: Slice): boolean {
    while (!slice.budget.exhausted) {
      if (this.#examined < this.#fullConflicted.length) this.#examine(slice)
      else if (this.#followed < this.#selected.length) this.#follow(slice)
      else return true
    }
    return false
  }

  /** The two parts, once the end was reached. */
  selection(): { readonly selected: number[]; readonly others: EventId[] } {
    const others = this.#known.filter((number) => this.#marks[number] === KNOWN).map((number) => this.#graph.id(number))
    return { selected: this.#selected, others }
  }

  save(): PowerSelectionData {
    return { examined: this.#examined, known: this.#known, selected: this.#selected, followed: this.#followed }
  }

  #examine({ reader, budget }: Slice): void {
    const granted = budget.take(this.#fullConflicted.length - this.#examined)
    const batch = this.#fullConflicted.slice(this.#examined, this.#examined + granted)
    this.#examined += granted
    reader.prefetch(batch.map((number) => this.#graph.id(number)))
    for (const number of batch) {
      const event = reader.get(this.#graph.id(number))
      if (event === undefined) continue
      this.#known.push(number)
      this.#marks[number] = KNOWN
      if (isPowerEvent(event)) this.#select(number)
    }
  }

  #follow({ budget }: Slice): void {
    const end = this.#followed + budget.takeSteps(this.#selected.length - this.#followed)
    for (; this.#followed < end; this.#followed++) {
      for (const cited of this.#graph.edges(this.#selected[this.#followed] ?? 0)) {
        if (this.#marks[cited] === KNOWN) this.#select(cited)
      }
    }
  }

  #select(number: number): void {
    this.#marks[number] = KNOWN | SELECTED
    this.#selected.push(number)
  }
}
