import type { PresenceState } from '../../../matrix/presence.ts'

/** Without activity for this long the user counts as away (client-server-api#idle-timeout). */
export const IDLE_AFTER_MS = 5 * 60_000
/** Without a poll for this long a device counts as gone. */
export const GONE_AFTER_MS = 60_000

/** One device: what it wants to be shown as, and until when it counts without polling again. */
interface Device {
  readonly wish: PresenceState
  readonly untilMs: number
}

/** Whether a user is there, from what their devices do and say. Plain computation: no clock, no storage. */
export class OwnPresence {
  readonly #devices = new Map<string, Device>()
  #activeMs = 0

  /** When the user did something last; 0: not known. */
  get activeMs(): number {
    return this.#activeMs
  }

  /** A device polls. `offline` asks not to count for it; without a wish what was said before stands, else the device is online. */
  polled(deviceId: string, wish: PresenceState | undefined, nowMs: number): void {
    if (wish === 'offline') return
    const known = this.#alive(deviceId, nowMs)
    const next = wish ?? (known === undefined || known.wish === 'offline' ? 'online' : known.wish)
    // Coming back is activity; going on polling is not.
    if (next === 'online' && known?.wish !== 'online') this.#activeMs = nowMs
    this.#devices.set(deviceId, { wish: next, untilMs: nowMs + GONE_AFTER_MS })
  }

  /** The user says what they want to be shown as. */
  set(deviceId: string, wish: PresenceState, nowMs: number): void {
    this.#activeMs = nowMs
    // What one device says of the user holds for all of them.
    for (const [other, { untilMs }] of this.#devices) this.#devices.set(other, { wish, untilMs })
    this.#devices.set(deviceId, { wish, untilMs: nowMs + GONE_AFTER_MS })
  }

  /** The user does something. Whoever was away is back. */
  active(deviceId: string, nowMs: number): void {
    this.#activeMs = nowMs
    const known = this.#alive(deviceId, nowMs)
    if (known?.wish === 'unavailable') this.#devices.set(deviceId, { ...known, wish: 'online' })
  }

  /** A device is known from an earlier life of the object. */
  restore(deviceId: string, wish: PresenceState, activeMs: number, untilMs: number): void {
    this.#devices.set(deviceId, { wish, untilMs })
    this.#activeMs = Math.max(this.#activeMs, activeMs)
  }

  forget(deviceId: string): void {
    this.#devices.delete(deviceId)
  }

  wishOf(deviceId: string): PresenceState {
    return this.#devices.get(deviceId)?.wish ?? 'offline'
  }

  /** What others are to see. Devices of `waiting` polls count however long ago they began to wait. */
  state(waiting: ReadonlySet<string>, nowMs: number): PresenceState {
    const wishes = [...this.#devices].flatMap(([deviceId, { wish, untilMs }]) => (untilMs > nowMs || waiting.has(deviceId) ? [wish] : []))
    const isIdle = nowMs - this.#activeMs >= IDLE_AFTER_MS
    if (wishes.includes('online')) return isIdle ? 'unavailable' : 'online'
    return wishes.includes('unavailable') ? 'unavailable' : 'offline'
  }

  #alive(deviceId: string, nowMs: number): Device | undefined {
    const device = this.#devices.get(deviceId)
    return device !== undefined && device.untilMs > nowMs ? device : undefined
  }
}
