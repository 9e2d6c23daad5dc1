import type { OrderedRoom } from '../../storage/user/ordered-rooms.ts'
import type { RoomConfig } from '../sliding-protocol.ts'
import { combineConfigs } from './sliding-config.ts'

/** What of a request applies to a room: the lists in whose windows it is, a subscription, and how that combines. Rooms share it. */
export interface Rule {
  readonly lists: readonly string[]
  readonly isSubscribed: boolean
  readonly config: RoomConfig
  /** `config.requiredState` as text, by which connections remember it. */
  readonly stateText: string
}

/** A room that a request asks for. */
export interface RelevantRoom {
  readonly room: OrderedRoom
  readonly rule: Rule
}

interface Combination {
  readonly rule: Rule
  readonly configs: readonly RoomConfig[]
  /** This one, and one thing more. */
  readonly with: Map<string, Combination>
}

/** Rooms that a request asks for, by which rules. As many rules are combined as there are combinations, however many rooms there are. */
export class RelevantRooms {
  readonly #rooms = new Map<string, { room: OrderedRoom; combination: Combination }>()
  readonly #first = new Map<string, Combination>()

  /** A room is in the window of a list (once, whatever its ranges). */
  addListed(room: OrderedRoom, list: string, config: RoomConfig): void {
    const before = this.#rooms.get(room.roomId)?.combination
    if (before?.rule.lists.includes(list)) return
    this.#add(room, before, `list ${list}`, config, list)
  }

  /** A room is subscribed to. */
  addSubscribed(room: OrderedRoom, config: RoomConfig): void {
    this.#add(room, this.#rooms.get(room.roomId)?.combination, `room ${room.roomId}`, config, undefined)
  }

  /** The rooms, those first that the user looks at: not everything may fit. */
  inOrder(): RelevantRoom[] {
    const all = [...this.#rooms.values()].map(({ room, combination: { rule } }) => ({ room, rule }))
    if (!all.some(({ rule }) => rule.isSubscribed)) return all
    return [...all.filter(({ rule }) => rule.isSubscribed), ...all.filter(({ rule }) => !rule.isSubscribed)]
  }

  #add(room: OrderedRoom, before: Combination | undefined, key: string, config: RoomConfig, list: string | undefined): void {
    const known = before?.with ?? this.#first
    let combination = known.get(key)
    if (combination === undefined) {
      combination = combine(before, config, list)
      known.set(key, combination)
    }
    this.#rooms.set(room.roomId, { room, combination })
  }
}

function combine(before: Combination | undefined, added: RoomConfig, list: string | undefined): Combination {
  const configs = [...(before?.configs ?? []), added]
  const config = combineConfigs(configs)
  const lists = [...(before?.rule.lists ?? []), ...(list === undefined ? [] : [list])]
  const isSubscribed = before?.rule.isSubscribed === true || list === undefined
  return { rule: { lists, isSubscribed, config, stateText: JSON.stringify(config.requiredState) }, configs, with: new Map() }
}
