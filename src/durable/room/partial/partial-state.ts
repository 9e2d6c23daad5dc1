import { MatrixError } from '../../../matrix/errors.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { parseUserId } from '../../../matrix/ids/user-id.ts'
import type { AuthState } from '../../../state-resolution/auth/auth-state.ts'
import { insertIncompleteEvent, isResident, type PartialRoom, readPartialRoom } from '../../../storage/room/partial-room.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_WHOLE_WAITS, WHOLE_WAIT_MS } from './limits.ts'

/** Whether the room's state is whole, and what that means for whoever asks (docs/design/partial-state.md). */
export class PartialState {
  readonly #core: RoomCore
  /** `null` before it was read. */
  #row: PartialRoom | undefined | null = null
  readonly #waiting = new Set<() => void>()

  constructor(core: RoomCore) {
    this.#core = core
  }

  /** Forgets what a rolled-back transaction may have left in memory. */
  forget(): void {
    this.#row = null
  }

  /** How the room was joined, if its members are yet to come. */
  get current(): PartialRoom | undefined {
    const row = this.#load()
    return row?.completedPos === undefined ? row : undefined
  }

  /** The position at which the state became whole; 0 where it always was, `undefined` while it is not. */
  get completedPos(): number | undefined {
    const row = this.#load()
    return row === undefined ? 0 : row.completedPos
  }

  /** Whether the state became whole in `from < pos ≤ to`. */
  isCompletedIn(from: number | null, to: number): boolean {
    const pos = this.completedPos ?? 0
    return from !== null && from < pos && to >= pos
  }

  #load(): PartialRoom | undefined {
    if (this.#row === null) this.#row = this.#core.store.exists() ? readPartialRoom(this.#core.store) : undefined
    return this.#row
  }

  /** Whether somebody may be joined, as far as can be known: users of servers that are said to be in the room may, while its members are not known. */
  mayBeJoined(userId: string): boolean {
    const member = this.#core.members.find(userId)
    if (member !== undefined || this.current === undefined) return member?.membership === 'join'
    const serverName = parseUserId(userId)?.serverName
    return serverName !== undefined && serverName !== this.#core.config.serverName && isResident(this.#core.store, serverName)
  }

  /** An event has its place on a state. The caller holds the transaction. */
  note(nid: number, groupBefore: number): void {
    if (!this.#core.groups.isComplete(groupBefore)) insertIncompleteEvent(this.#core.store, nid)
  }

  /** A state as far as it goes; what an incomplete one lacks is taken from the auth events of whoever is judged by it. */
  withAuthEvents(state: AuthState, group: number, authEvents: readonly RoomEvent[]): AuthState {
    return this.#core.groups.isComplete(group) ? state : overAuthEvents(state, authEvents)
  }

  /** The state has become whole: whoever waits for that goes on. */
  completed(): void {
    this.forget()
    for (const goOn of this.#waiting) goOn()
    this.#waiting.clear()
  }

  /** Waits until the state is whole. @throws MatrixError 504 where that takes too long, M_LIMIT_EXCEEDED where too many wait. */
  async whole(): Promise<void> {
    if (this.current === undefined) return
    if (this.#waiting.size >= MAX_WHOLE_WAITS) throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many wait for the members of this room')
    const over = Promise.withResolvers<void>()
    this.#waiting.add(over.resolve)
    const timer = setTimeout(over.resolve, WHOLE_WAIT_MS)
    await over.promise
    clearTimeout(timer)
    this.#waiting.delete(over.resolve)
    if (this.current !== undefined) throw new MatrixError(504, 'M_UNKNOWN', 'The members of this room are not known yet')
  }
}

/** A state of which some is missing, over what an event cites. */
export function overAuthEvents(state: AuthState, authEvents: readonly RoomEvent[]): AuthState {
  return {
    create: state.create,
    get: (type, stateKey) => state.get(type, stateKey) ?? authEvents.find((event) => event.type === type && event.stateKey === stateKey),
  }
}
