import { type EventFilter, matchesEventFilter } from '../../../matrix/filters.ts'
import { type Presence, presenceContent } from '../../../matrix/presence.ts'

/** Users whose presence is remembered; the one heard of longest ago is forgotten first. */
const MAX_USERS = 1_000
/** Devices for which it is remembered what they were told. */
const MAX_DEVICES = 100

/** What is known of the presence of others, in memory, and how far each device has been told. */
export class KnownPresences {
  readonly #users = new Map<string, { readonly presence: Presence; readonly number: number }>()
  readonly #told = new Map<string, number>()
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

  /** Events for a device, as JSON array, or `undefined` where there is nothing to tell. A device that starts from nothing hears of all who are there. */
  eventsFor(deviceId: string, isInitial: boolean, filter: EventFilter, ignored: readonly string[], nowMs: number): string | undefined {
    const told = isInitial ? 0 : (this.#told.get(deviceId) ?? 0)
    const events = [...this.#users].flatMap(([sender, { presence, number }]) => {
      const isNews = number > told && !(isInitial && presence.presence === 'offline') && !ignored.includes(sender)
      const wanted = isNews && matchesEventFilter(filter, { type: 'm.presence', sender })
      return wanted ? [JSON.stringify({ type: 'm.presence', sender, content: presenceContent(presence, nowMs) })] : []
    })
    return events.length === 0 ? undefined : `[${events.join(',')}]`
  }

  /** A device is being told of everything that is known now. */
  tell(deviceId: string): void {
    if (this.#number === 0) return
    this.#told.delete(deviceId)
    this.#told.set(deviceId, this.#number)
    const oldest = this.#told.keys().next()
    if (this.#told.size > MAX_DEVICES && !oldest.done) this.#told.delete(oldest.value)
  }
}
