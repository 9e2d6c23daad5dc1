import { log } from '../../runtime/log.ts'
import { openRegistry } from '../../storage/d1/open.ts'
import { MAX_REPORT_ROWS, registerRooms } from '../../storage/d1/rooms.ts'
import type { DueResult } from '../../storage/due-table.ts'
import { eventsToIndex, readIndexedNid, writeIndexedNid } from '../../storage/room/event-index.ts'
import type { RoomCore } from './room-core.ts'

/** `due` kind of the work of telling the registry which events the room has. */
export const EVENT_INDEX_DUE = 'event-index'
/** An event is in the registry at the latest after this time, in milliseconds. */
const INDEX_DELAY_MS = 60_000
/** So many events are told at once without waiting that long. */
const INDEX_BATCH = 500
/** Pages of one piece of work; the alarm goes on from there. */
const MAX_PAGES = 10

/**
 * Tells the registry which events are in this room, so that other servers can ask for them by ID alone. Only rooms shared with other servers do this, in batches;
 * how far they have come is written with a later commit, and after a crash some are told twice, which changes nothing.
 */
export class EventIndex {
  readonly #core: RoomCore
  /** Everything up to this event number has been told. */
  #told: number | undefined
  #written = 0
  #telling: Promise<boolean> | undefined

  constructor(core: RoomCore) {
    this.#core = core
    core.riders.push({ write: () => this.#ride(), committed: () => this.#committed() })
  }

  /** Due work of kind {@link EVENT_INDEX_DUE}. */
  async run(): Promise<DueResult> {
    return (await this.#tell()) ? 'settled' : { again: this.#core.nowMs() + INDEX_DELAY_MS }
  }

  /** How many events the registry does not know of. */
  #untold(): number {
    if (this.#told === undefined) {
      this.#told = readIndexedNid(this.#core.store)
      this.#written = this.#told
    }
    return this.#core.events.nextNid() - 1 - this.#told
  }

  #ride(): void {
    const core = this.#core
    if (this.#untold() === 0 || !core.members.hasRemoteJoined()) return
    // The commit that ends a join: all but the join itself came as state, which is not told.
    if (core.findHead()?.life === 'joining') this.#told = core.events.nextNid() - 2
    const told = this.#told ?? 0
    if (told > this.#written) {
      writeIndexedNid(core.store, told)
      this.#written = told
    }
    core.due.ensure(EVENT_INDEX_DUE, '', core.nowMs() + INDEX_DELAY_MS)
  }

  #committed(): void {
    const core = this.#core
    if (this.#untold() < INDEX_BATCH || this.#telling !== undefined || !core.members.hasRemoteJoined()) return
    core.ctx.waitUntil(
      this.#tell().catch((cause: unknown) => {
        log.warn('the registry will be told of events later', cause)
      }),
    )
  }

  #tell(): Promise<boolean> {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined
    })
    return this.#telling
  }

  /** Whether the registry knows everything now. */
  async #tellAll(): Promise<boolean> {
    const core = this.#core
    const { roomId } = core.head
    for (let page = 0; page < MAX_PAGES; page += 1) {
      if (this.#untold() === 0) return true
      const { eventIds, lastNid } = eventsToIndex(core.store, this.#told ?? 0, MAX_REPORT_ROWS)
      if (eventIds.length > 0) {
        await registerRooms(openRegistry(core.env, undefined), { events: eventIds.map((eventId) => ({ eventId, roomId })) })
      }
      this.#told = lastNid
    }
    return this.#untold() === 0
  }
}
