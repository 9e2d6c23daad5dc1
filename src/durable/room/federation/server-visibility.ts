import { redactPdu } from '../../../matrix/events/redaction.ts'
import { type HistoryVisibility, historyVisibilityOf, mayServerReadEvent, membershipOf } from '../../../matrix/history-visibility.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { Membership } from '../../../matrix/membership.ts'
import { type StoredEvent, toPdu } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'

/** Users of one server whose memberships are looked at; if none of those may read an event, the server does not get it. */
const MAX_USERS_LOOKED_AT = 500

/**
 * What a server in the room may read (F14): the history visibility at each event, with the memberships of all of the server's users then. What it
 * may not read it receives redacted, because the graph is everybody's. Built per request.
 */
export class ServerVisibility {
  readonly #core: RoomCore
  readonly #serverName: string
  readonly #neverRestricted: boolean
  #users: readonly number[] | undefined

  constructor(core: RoomCore, serverName: string) {
    this.#core = core
    this.#serverName = serverName
    this.#neverRestricted = core.past.neverRestricted()
  }

  /** The event as the server may have it. */
  pdu(event: StoredEvent): JsonObject {
    const pdu = toPdu(event, this.#core.roomId)
    return this.mayRead(event) ? pdu : redactPdu(pdu, this.#core.rules)
  }

  /** Whether the server may read the event's content. */
  mayRead(event: StoredEvent): boolean {
    if (event.status !== 'accepted') return false
    if (this.#neverRestricted) return true
    const visibility = this.#visibilityBefore(event)
    const isVisibility = event.type === 'm.room.history_visibility' && event.stateKey === ''
    const after = isVisibility ? historyVisibilityOf(this.#content(event)) : undefined
    if (mayServerReadEvent(visibility, after, [])) return true
    return mayServerReadEvent(visibility, after, this.#memberships(event))
  }

  #visibilityBefore(event: StoredEvent): HistoryVisibility {
    const kid = this.#core.keys.find('m.room.history_visibility', '')
    const nid = kid === undefined ? undefined : this.#core.groups.lookup(event.groupBefore, kid)
    return historyVisibilityOf(nid === undefined ? undefined : this.#content(this.#core.events.get(nid)))
  }

  *#memberships(event: StoredEvent): Generator<Membership> {
    this.#users ??= this.#core.keys.membersOfServer(this.#serverName, MAX_USERS_LOOKED_AT)
    for (const kid of this.#users) {
      const before = this.#core.groups.lookup(event.groupBefore, kid)
      if (before !== undefined) yield membershipOf(this.#content(this.#core.events.get(before)))
      const after = this.#core.groups.lookup(event.groupAfter, kid)
      if (after !== undefined && after !== before) yield membershipOf(this.#content(this.#core.events.get(after)))
    }
  }

  #content(event: StoredEvent): JsonObject {
    return this.#core.roomEvent(event, this.#core.roomId).content
  }
}
