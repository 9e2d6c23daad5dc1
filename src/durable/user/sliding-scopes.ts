import type { ExtensionScope, SlidingRequest } from '../sliding-protocol.ts'
import type { RelevantRoom, Rule } from './sliding-rules.ts'

/** Extensions that speak of rooms in scope (MSC4508, "Common per-room extension semantics"). */
export const SCOPED_EXTENSIONS = ['typing', 'receipts'] as const
/** One of them. */
export type ScopedExtension = (typeof SCOPED_EXTENSIONS)[number]

/** How each is kept. */
const BITS: Readonly<Record<ScopedExtension, number>> = { typing: 1, receipts: 2 }

/** Rooms by extension. */
export type ScopedRooms = Readonly<Record<ScopedExtension, readonly string[]>>

/** Joined rooms that a request has in scope, by extension; absent where the extension is not enabled. */
export type ScopesOfRequest = Readonly<Partial<Record<ScopedExtension, ReadonlySet<string>>>>

/** What a request has in scope. */
export function scopesOf({ extensions }: SlidingRequest, rooms: readonly RelevantRoom[]): ScopesOfRequest {
  const inScope = (scope: ExtensionScope | undefined): ReadonlySet<string> | undefined =>
    scope &&
    new Set(rooms.flatMap(({ room, rule }) => (room.membership === 'join' && isInScope(scope, room.roomId, rule) ? [room.roomId] : [])))
  const [typing, receipts] = [inScope(extensions.typing), inScope(extensions.receipts)]
  return { ...(typing === undefined ? {} : { typing }), ...(receipts === undefined ? {} : { receipts }) }
}

function isInScope(scope: ExtensionScope, roomId: string, { lists, isSubscribed }: Rule): boolean {
  if (lists.some((list) => scope.lists.includes('*') || scope.lists.includes(list))) return true
  return isSubscribed && (scope.rooms.includes('*') || scope.rooms.includes(roomId))
}

/** What the database knows of a connection's scopes. */
export interface StoredScopes {
  /** Extensions that have been enabled all along, as bits. */
  readonly enabled: number
  /** Rooms that the client was told of, and for which extensions, as bits; asked for once. */
  readonly readTold: () => Map<string, number>
}

/**
 * Of which rooms the client of a connection has been told everything that an extension has to say, ever since they came into its scope. Written with the
 * connection.
 */
export class ToldScopes {
  readonly #stored: StoredScopes | undefined
  #loaded: Map<string, number> | undefined
  /** Extensions that have been enabled all along. */
  enabled: number
  /** Rooms that are not in the database as they are here. */
  readonly changed = new Set<string>()
  /** {@link enabled} is not in the database as it is here. */
  isUnwritten = false

  /** Without `stored`: of a connection that nothing has been written of. */
  constructor(stored?: StoredScopes) {
    this.#stored = stored
    this.enabled = stored?.enabled ?? 0
  }

  /** For which extensions a room is told, as bits. */
  told(roomId: string): number {
    return this.#told().get(roomId) ?? 0
  }

  /** A connection begins with these extensions, and with no room in scope. */
  begin(scopes: ScopesOfRequest): void {
    for (const extension of SCOPED_EXTENSIONS) if (scopes[extension] !== undefined) this.enabled |= BITS[extension]
  }

  /** The client has been told of these rooms. */
  add(rooms: ScopedRooms, isHeld: (roomId: string) => boolean): void {
    for (const extension of SCOPED_EXTENSIONS) {
      const bit = BITS[extension]
      if ((this.enabled & bit) === 0) continue
      for (const roomId of rooms[extension]) if (!isHeld(roomId)) this.#set(roomId, this.told(roomId) | bit)
    }
  }

  /** What a request has in scope now: of a room that is out the client knows nothing any more. What is enabled later begins with what changes then. */
  keep(scopes: ScopesOfRequest): void {
    for (const extension of SCOPED_EXTENSIONS) {
      if (scopes[extension] !== undefined || (this.enabled & BITS[extension]) === 0) continue
      this.enabled &= ~BITS[extension]
      this.isUnwritten = true
    }
    for (const [roomId, told] of this.#told()) {
      let still = told
      for (const extension of SCOPED_EXTENSIONS) if (scopes[extension]?.has(roomId) !== true) still &= ~BITS[extension]
      this.#set(roomId, still)
    }
  }

  /** What the database says of the client is older than what the client has: it is told everything anew. */
  forget(): void {
    for (const roomId of [...this.#told().keys()]) this.#set(roomId, 0)
  }

  /** Whether a room has come into scope since the client was told of it. */
  hasEntered(extension: ScopedExtension, scopes: ScopesOfRequest, roomId: string): boolean {
    const bit = BITS[extension]
    return (this.enabled & bit) !== 0 && scopes[extension]?.has(roomId) === true && (this.told(roomId) & bit) === 0
  }

  #set(roomId: string, told: number): void {
    if (this.told(roomId) === told) return
    if (told === 0) this.#told().delete(roomId)
    else this.#told().set(roomId, told)
    this.changed.add(roomId)
  }

  #told(): Map<string, number> {
    this.#loaded ??= this.#stored?.readTold() ?? new Map()
    return this.#loaded
  }
}
