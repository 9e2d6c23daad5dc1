import type { EventFilter } from '../../../matrix/filters.ts'
import { isJsonObject } from '../../../matrix/json.ts'
import { PRESENCE_STATES, type Presence, type PresenceState } from '../../../matrix/presence.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { log } from '../../../runtime/log.ts'
import { readStatusMessage, writeStatusMessage } from '../../../storage/user/presence.ts'
import { parkedCount, parkedPolls, readAttachment } from '../parked-poll.ts'
import { wakeParked } from '../parking-wake.ts'
import type { SyncToken } from '../sync-token.ts'
import type { UserCore } from '../user-core.ts'
import { announcePresence } from './announce.ts'
import { KnownPresences } from './known-presences.ts'
import { GONE_AFTER_MS, OwnPresence } from './own-presence.ts'

/** Between two announcements of one user: what changes meanwhile is told together. */
const ANNOUNCE_PAUSE_MS = 2_000
/** News of others that come within this time wake waiting polls together. */
const WAKE_PAUSE_MS = 500
/** A waiting poll's note of the latest activity is renewed when it is this old. */
const NOTE_AFTER_MS = 60_000

/** What a waiting poll carries through hibernation. */
export interface PresenceNote {
  readonly wish: PresenceState
  readonly activeMs: number
  /** What others were told last. */
  readonly told: string
}

/**
 * Presence of this user and what is known of others' (docs/design/presence.md): in memory, except for the status message. There is none of these objects where presence
 * is switched off.
 */
export class UserPresence {
  readonly known = new KnownPresences()
  readonly #core: UserCore
  readonly #own = new OwnPresence()
  /** What others were told last, as JSON; '' for offline and nothing said. */
  #told = ''
  #restored = false
  /** The status message, once it has been read. */
  #status: { readonly text: string | undefined } | undefined
  #notedMs = 0
  #announcedMs = 0
  #announceTimer: ReturnType<typeof setTimeout> | undefined
  #goneTimer: ReturnType<typeof setTimeout> | undefined
  #wakeTimer: ReturnType<typeof setTimeout> | undefined

  constructor(core: UserCore) {
    this.#core = core
  }

  /** A device polls, and says what it wants to be shown as, if anything. */
  polled(deviceId: string, wish: PresenceState | undefined): void {
    this.#restore()
    this.#own.polled(deviceId, wish, nowMs())
    this.#lookWhoIsGone()
    this.#review()
  }

  /** A device's poll waits: nothing may keep the object from sleeping. Answers what the poll carries. */
  parked(deviceId: string): PresenceNote {
    clearTimeout(this.#goneTimer)
    this.#goneTimer = undefined
    return { wish: this.#own.wishOf(deviceId), activeMs: this.#own.activeMs, told: this.#told }
  }

  /** A poll has ended, with what was attached to it: if nobody polls for a while, nobody is there. */
  closed(attachment: unknown): void {
    this.#restore(attachment)
    if (parkedCount(this.#core) === 0) this.#lookWhoIsGone()
  }

  /** The user does something. */
  active(deviceId: string): void {
    this.#restore()
    const now = nowMs()
    this.#own.active(deviceId, now)
    if (now - this.#notedMs > NOTE_AFTER_MS) this.#note(now)
    this.#review()
  }

  /** The user sets their presence (client-server-api#put_matrixclientv3presenceuseridstatus). */
  set(deviceId: string, presence: PresenceState, statusMsg: string | undefined, requestId: string): void {
    this.#restore()
    const { store } = this.#core
    if (statusMsg !== this.#statusMsg()) {
      store.transaction(requestId, () => writeStatusMessage(store, presence, statusMsg, nowMs()))
      this.#status = { text: statusMsg }
    }
    this.#own.set(deviceId, presence, nowMs())
    this.#lookWhoIsGone()
    this.#review()
  }

  /** A device has gone. */
  forget(deviceId: string): void {
    this.#own.forget(deviceId)
    // After the transaction.
    queueMicrotask(() => this.#review())
  }

  /** Others say how they are; answers how this user is, unless nobody need know. */
  take(presences: readonly Presence[], anew: boolean): Presence | undefined {
    this.#restore()
    if (presences.map((presence) => this.known.take(presence, anew)).includes(true)) this.#wakeSoon()
    const own = this.current()
    return own.presence === 'offline' ? undefined : own
  }

  /** The user is in a room that they were not in before: its members are told, and tell, even what they know. */
  joined(roomId: string): void {
    const own = this.current()
    if (own.presence !== 'offline') this.#core.ctx.waitUntil(this.#announce(own, [roomId]))
  }

  /** How this user is now. */
  current(): Presence {
    this.#restore()
    const waiting = new Set(parkedPolls(this.#core).flatMap(({ attachment }) => readAttachment(attachment)?.deviceId ?? []))
    const presence = this.#own.state(waiting, nowMs())
    return { userId: this.#core.userId, presence, statusMsg: this.#statusMsg(), lastActiveTs: this.#own.activeMs }
  }

  #statusMsg(): string | undefined {
    const { store } = this.#core
    this.#status ??= { text: store.exists() ? readStatusMessage(store) : undefined }
    return this.#status.text
  }

  /** Events for the client that shows a token, as JSON array. What a token of another life of the object says means nothing here. */
  eventsFor(since: SyncToken | undefined, filter: EventFilter, ignored: readonly string[]): string | undefined {
    const isOurs = since?.boot === this.#core.feedKeeper.feed.boot
    const told = since === undefined ? undefined : isOurs ? (since.presence ?? 0) : 0
    return this.known.eventsFor(told, filter, ignored, nowMs())
  }

  #review(): void {
    const own = this.current()
    const said = own.presence === 'offline' && own.statusMsg === undefined ? '' : JSON.stringify([own.presence, own.statusMsg])
    if (said === this.#told || this.#announceTimer !== undefined) return
    const waitMs = this.#announcedMs + ANNOUNCE_PAUSE_MS - nowMs()
    if (waitMs > 0) {
      this.#announceTimer = setTimeout(() => {
        this.#announceTimer = undefined
        this.#review()
      }, waitMs)
      return
    }
    this.#announcedMs = nowMs()
    this.#told = said
    this.#note(nowMs())
    // The user's other devices show it, too.
    if (this.known.take(own)) this.#wakeSoon()
    this.#core.ctx.waitUntil(this.#announce(own))
  }

  async #announce(own: Presence, roomIds?: readonly string[]): Promise<void> {
    try {
      const others = await announcePresence(this.#core, own, roomIds)
      const anew = roomIds !== undefined
      if (others.map((presence) => this.known.take(presence, anew)).includes(true)) this.#wakeSoon()
    } catch (cause) {
      log.warn('a presence could not be announced', cause)
    }
  }

  #wakeSoon(): void {
    this.#wakeTimer ??= setTimeout(() => {
      this.#wakeTimer = undefined
      wakeParked(this.#core)
    }, WAKE_PAUSE_MS)
  }

  #lookWhoIsGone(): void {
    clearTimeout(this.#goneTimer)
    this.#goneTimer = setTimeout(() => {
      this.#goneTimer = undefined
      this.#review()
    }, GONE_AFTER_MS + 1)
  }

  /** Writes what must survive hibernation onto waiting polls. */
  #note(now: number): void {
    this.#notedMs = now
    for (const poll of parkedPolls(this.#core)) {
      const attachment = readAttachment(poll.attachment)
      if (attachment === undefined) continue
      poll.attach({
        ...attachment,
        presence: { wish: this.#own.wishOf(attachment.deviceId), activeMs: this.#own.activeMs, told: this.#told },
      })
    }
  }

  /** What polls have carried through hibernation, once per life of the object. */
  #restore(closing?: unknown): void {
    if (this.#restored) return
    this.#restored = true
    const untilMs = nowMs() + GONE_AFTER_MS
    for (const attachment of [...parkedPolls(this.#core).map((poll) => poll.attachment), closing]) {
      const note = isJsonObject(attachment) ? attachment.presence : undefined
      if (!isJsonObject(attachment) || !isJsonObject(note) || typeof attachment.deviceId !== 'string') continue
      const wish = PRESENCE_STATES.find((state) => state === note.wish)
      if (wish === undefined || typeof note.activeMs !== 'number' || typeof note.told !== 'string') continue
      this.#own.restore(attachment.deviceId, wish, note.activeMs, untilMs)
      this.#told = note.told
      this.#announcedMs = 1
    }
  }
}
