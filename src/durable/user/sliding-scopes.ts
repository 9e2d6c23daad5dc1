import type { ExtensionScope, SlidingRequest } from '../sliding-protocol.ts'
import type { RelevantRoom, Rule } from './sliding-rules.ts'

/** Extensions that speak of rooms in scope (MSC4508, "Common per-room extension semantics"). */
export const SCOPED_EXTENSIONS = ['typing', 'receipts'] as const
/** One of them. */
export type ScopedExtension = (typeof SCOPED_EXTENSIONS)[number]

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

/**
 * Of which rooms the client of a connection has been told everything that an extension has to say, ever since they came into its scope. In memory: after
 * an eviction what changes is told, and no room counts as having come into scope.
 */
export class ToldScopes {
  readonly #told: Partial<Record<ScopedExtension, Set<string>>> = {}

  /** A connection begins with these extensions, and with no room in scope. */
  begin(scopes: ScopesOfRequest): void {
    for (const extension of SCOPED_EXTENSIONS) if (scopes[extension] !== undefined) this.#told[extension] = new Set()
  }

  /** The client has been told of these rooms. */
  add(rooms: ScopedRooms, isHeld: (roomId: string) => boolean): void {
    for (const extension of SCOPED_EXTENSIONS)
      for (const roomId of rooms[extension]) if (!isHeld(roomId)) this.#told[extension]?.add(roomId)
  }

  /** What a request has in scope now: of a room that is out the client knows nothing any more. What is enabled later begins with what changes then. */
  keep(scopes: ScopesOfRequest): void {
    for (const extension of SCOPED_EXTENSIONS) {
      const scope = scopes[extension]
      if (scope === undefined) delete this.#told[extension]
      else for (const roomId of this.#told[extension] ?? []) if (!scope.has(roomId)) this.#told[extension]?.delete(roomId)
    }
  }

  /** Whether a room has come into scope since the client was told of it. */
  hasEntered(extension: ScopedExtension, scopes: ScopesOfRequest, roomId: string): boolean {
    return scopes[extension]?.has(roomId) === true && this.#told[extension]?.has(roomId) === false
  }
}
