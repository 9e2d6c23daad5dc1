import { type EventFilter, matchesEventFilter } from '../../../matrix/filters.ts'
import { type Presence, presenceContent } from '../../../matrix/presence.ts'

/** Users whose presence is remembered; the one heard of longest ago is forgotten first. */
const MAX_USERS = 1_000

/** What is known of the presence of others, in memory, numbered in the order of news: sync tokens say how far their client has been told. */
export class KnownPresences {
  readonly #users = new Map<string, { readonly presence: Presence; readonly number: number }>()
  #number = 0

  /** Takes in what somebody says; answers whether it is news. With `anew` it is told again: somebody has come into a room. */
  take(presence: Presence, anew = false): boolean {
    const { userId } = presence
    const known = this.#users.get(userId)?.presence
    const isSame = !anew && known !== undefined && known.presence === presence.presence && known.statusMsg === presence.statusMsg
    const isNothing = known === undefined && presence.presence === 'offline' && presence.statusMsg === undefined
    if (isNothing) return false
    this.#number = isSame ? this.#number : this.#number + 1
    const number = isSame ? (this.#users.get(userId)?.number ?? this.#number) : this.#number
    this.#users.delete(userId)
    this.#users.set(userId, { presence, number })
    const oldest = this.#users.keys().next()
    if (this.#users.size > MAX_USERS && !oldest.done) this.#users.delete(oldest.value)
    return !isSame
  }

  find(userId: string): Presence | undefined {
    return this.#users.get(userId)?.presence
  }

  /** The number of the latest news; absent as long as nothing is known. */
  get position(): number | undefined {
    return this.#number === 0 ? undefined : this.#number
  }

  /**
   * Events for a client that has been told of everything up to `told`, as JSON array, or `undefined` where there is nothing to tell. A client that starts from
   * nothing (`told` absent) hears of all who are there.
   */
  eventsFor(told: number | undefined, filter: EventFilter, ignored: readonly string[], nowMs: number): string | undefined {
    const events = [...this.#users].flatMap(([sender, { presence, number }]) => {
      const isNews = number > (told ?? 0) && !(told === undefined && presence.presence === 'offline') && !ignored.includes(sender)
      const wanted = isNews && matchesEventFilter(filter, { type: 'm.presence', sender })
      return wanted ? [JSON.stringify({ type: 'm.presence', sender, content: presenceContent(presence, nowMs) })] : []
    })
    return events.length === 0 ? undefined : `[${events.join(',')}]`
  }
}
