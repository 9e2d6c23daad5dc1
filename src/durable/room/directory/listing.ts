import { forbidden } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { log } from '../../../runtime/log.ts'
import { openRegistry } from '../../../storage/d1/open.ts'
import { putPublicRoom, removePublicRoom } from '../../../storage/d1/public-rooms.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { deleteListing, readListing, writeListing } from '../../../storage/room/listing.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { directoryEntry } from './summary.ts'

/** `due` kind of the work of bringing the registry's directory up to date. */
export const LISTING_DUE = 'listing'
/** When the alarm repeats what a crash cut off, in milliseconds. */
const RETRY_MS = 25_000
/** Between reports that concern nothing but the number of members, in milliseconds. */
const COUNT_PACE_MS = 10_000

/** Whether somebody may change what the directory says of the room: whoever may change by which name it is known. */
export function mayChangeDirectory(core: RoomCore, userId: string): boolean {
  if (core.members.find(userId)?.membership !== 'join') return false
  const power = core.powerLevels()
  return power.userLevel(userId) >= power.eventLevel('m.room.canonical_alias', true)
}

/**
 * Whether the room is in this server's public directory, and what that says of it. The registry follows: at once where somebody lists the room, after
 * commits that change what is shown of it otherwise. What a crash cuts off the alarm repeats.
 */
export class Listing {
  readonly #core: RoomCore
  /** See {@link readListing}; `null` before it was read. */
  #told: string | undefined | null = null
  #reporting: Promise<void> | undefined
  #reportedAtMs = 0

  constructor(core: RoomCore) {
    this.#core = core
  }

  /** Whether the room is in the directory. */
  isListed(): boolean {
    return this.#load() !== undefined
  }

  /** Puts the room into the directory or takes it out; the registry knows when this answers. @throws MatrixError M_FORBIDDEN. */
  async set(caller: Caller, listed: boolean): Promise<void> {
    const core = this.#core
    if (!mayChangeDirectory(core, caller.userId)) throw forbidden('You may not change whether this room is in the directory')
    if (listed === this.isListed() && this.#told !== '') return
    core.store.transaction(caller.requestId, () => {
      if (listed) writeListing(core.store, '')
      else deleteListing(core.store)
      core.due.ensure(LISTING_DUE, '', core.nowMs() + RETRY_MS)
    })
    this.#told = listed ? '' : undefined
    await core.due.arm()
    await this.#report()
  }

  /** A commit has succeeded. */
  committed(): void {
    const told = this.#load()
    if (told === undefined) return
    const now = directoryEntry(this.#core)
    if (JSON.stringify(now) === told) return
    const isRecent = this.#core.nowMs() - this.#reportedAtMs < COUNT_PACE_MS
    if (isRecent && told === JSON.stringify({ ...now, num_joined_members: countIn(told) })) return
    this.#core.ctx.waitUntil(this.#reportLater())
  }

  /** Due work of kind {@link LISTING_DUE}: brings the registry up to date. */
  async run(): Promise<DueResult> {
    await this.#report()
    return 'done'
  }

  /** What was left out because it came too fast, or was cut off. Never fails. */
  async catchUp(): Promise<void> {
    const told = this.#load()
    if (told !== undefined && told !== JSON.stringify(directoryEntry(this.#core))) await this.#reportLater()
  }

  async #reportLater(): Promise<void> {
    try {
      await this.#report()
    } catch (cause) {
      log.warn('the directory will be told of a room later', cause)
    }
  }

  /** One at a time; whoever comes meanwhile waits for one that begins afterwards. */
  async #report(): Promise<void> {
    while (this.#reporting !== undefined) await this.#reporting.catch(() => undefined)
    this.#reporting = this.#tell().finally(() => {
      this.#reporting = undefined
    })
    await this.#reporting
  }

  async #tell(): Promise<void> {
    const core = this.#core
    const registry = openRegistry(core.env, undefined)
    const told = this.#load()
    this.#reportedAtMs = core.nowMs()
    if (told === undefined) {
      await removePublicRoom(registry, core.roomId)
      return
    }
    const entry = directoryEntry(core)
    const json = JSON.stringify(entry)
    if (json === told) return
    await putPublicRoom(registry, {
      roomId: core.roomId,
      joinedMembers: core.members.count('join'),
      roomType: typeof entry.room_type === 'string' ? entry.room_type : undefined,
      entry: json,
      searchText: searchTextOf(entry),
    })
    if (this.#load() === undefined) {
      // Taken out meanwhile: what was just written goes again.
      await removePublicRoom(registry, core.roomId)
      return
    }
    this.#told = json
    core.store.transaction(undefined, () => writeListing(core.store, json))
  }

  #load(): string | undefined {
    if (this.#told === null) this.#told = this.#core.findHead() === undefined ? undefined : readListing(this.#core.store)
    return this.#told
  }
}

function countIn(told: string): number {
  if (told === '') return -1
  const entry: { readonly num_joined_members?: number } = JSON.parse(told)
  return entry.num_joined_members ?? -1
}

function searchTextOf({ name, topic, canonical_alias: alias }: JsonObject): string {
  return [name, topic, alias]
    .filter((part) => typeof part === 'string')
    .join('\n')
    .toLowerCase()
}
