import { log } from '../../runtime/log.ts'
import { openRegistry } from '../../storage/d1/open.ts'
import { registerRooms } from '../../storage/d1/rooms.ts'
import type { DueResult } from '../../storage/due-table.ts'
import type { RoomCore } from './room-core.ts'

/** `due` kind of the work of telling the registry of a new room. */
export const REGISTRY_DUE = 'registry'
/** When the alarm looks whether the registry was told; the first attempt does not wait for it. */
export const REGISTRY_RETRY_MS = 25_000

/**
 * Tells the registry that the room exists, so that users whose lists do not name it can find it. Nobody waits for this: the row in `due` that
 * the room is created with makes the alarm repeat what a crash cut off, and goes with a later commit.
 */
export class RegistryReport {
  readonly #core: RoomCore
  #state: 'unknown' | 'told' | 'clearing' | 'cleared' = 'unknown'
  #telling: Promise<void> | undefined

  constructor(core: RoomCore) {
    this.#core = core
    core.riders.push({ write: () => this.#clear(), committed: () => this.#cleared() })
  }

  /** The first attempt, right after the room was created. Never fails: the alarm repeats it. */
  async start(): Promise<void> {
    try {
      await this.#tellOnce()
    } catch (cause) {
      log.warn('the registry will be told of a room later', cause)
    }
  }

  /** Due work of kind {@link REGISTRY_DUE}. */
  async run(): Promise<DueResult> {
    if (this.#state === 'unknown') await this.#tellOnce()
    return 'settled'
  }

  #tellOnce(): Promise<void> {
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = undefined
    })
    return this.#telling
  }

  async #tell(): Promise<void> {
    const { roomId, version, createdTs } = this.#core.head
    const canonical = this.#core.currentEvent('m.room.canonical_alias', '')
    const alias = canonical === undefined ? undefined : this.#core.roomEvent(canonical, roomId).content.alias
    const aliases = typeof alias === 'string' ? [{ alias, roomId }] : []
    await registerRooms(openRegistry(this.#core.env, undefined), { rooms: [{ roomId, version, createdTs }], aliases })
    this.#state = 'told'
  }

  #clear(): void {
    if (this.#state !== 'told' && this.#state !== 'clearing') return
    this.#core.due.clear(REGISTRY_DUE, '')
    this.#state = 'clearing'
  }

  #cleared(): void {
    if (this.#state === 'clearing') this.#state = 'cleared'
  }
}
