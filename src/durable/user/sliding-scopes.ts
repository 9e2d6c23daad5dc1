import type { ExtensionScope, SlidingRequest } from '../sliding-protocol.ts'
import type { RelevantRoom, Rule } from './sliding-rules.ts'

/** Extensions that speak of rooms in scope (MSC4508, "Common per-room extension semantics"). */
export const SCOPED_EXTENSIONS = ['typing', 'receipts', 'accountData'] as const
/** One of them. */
export type ScopedExtension = (typeof SCOPED_EXTENSIONS)[number]
/** Those that rooms are asked for. */
export const ROOM_EXTENSIONS = ['typing', 'receipts'] as const

/** How each is kept. */
const BITS: Readonly<Record<ScopedExtension, number>> = { typing: 1, receipts: 2, accountData: 8 }
/** The room has been in scope of receipts before; and it has been sent since without them: then when it was sent does not tell which of them changed. */
const [RECEIPTS_LEFT, RECEIPTS_MISSED] = [4, 16]
/** Noted of no room: the client has had answers of which the database knows nothing, because the object ended. */
const ANSWERS_LOST = 32
/** In whose place account data stands that belongs to no room. */
export const GLOBAL = ''

/** Rooms by extension. */
export type ScopedRooms = Readonly<Record<ScopedExtension, readonly string[]>>

/** Rooms that a request has in scope, by extension; absent where the extension is not enabled. Of typing and receipts only joined ones. */
export type ScopesOfRequest = Readonly<Partial<Record<ScopedExtension, ReadonlySet<string>>>>

/** What a request has in scope. */
export function scopesOf({ extensions }: SlidingRequest, rooms: readonly RelevantRoom[]): ScopesOfRequest {
  const inScope = (scope: ExtensionScope | undefined, ofJoined: boolean): ReadonlySet<string> | undefined => {
    if (scope === undefined) return undefined
    const roomIds = new Set<string>()
    for (const { room, rule } of rooms) {
      if ((!ofJoined || room.membership === 'join') && isInScope(scope, room.roomId, rule)) roomIds.add(room.roomId)
    }
    return ofJoined ? roomIds : roomIds.add(GLOBAL)
  }
  const [typing, receipts] = [inScope(extensions.typing, true), inScope(extensions.receipts, true)]
  const accountData = inScope(extensions.accountData, false)
  return {
    ...(typing === undefined ? {} : { typing }),
    ...(receipts === undefined ? {} : { receipts }),
    ...(accountData === undefined ? {} : { accountData }),
  }
}

function isInScope(scope: ExtensionScope, roomId: string, { lists, isSubscribed }: Rule): boolean {
  if (lists.some((list) => scope.lists.includes('*') || scope.lists.includes(list))) return true
  return isSubscribed && (scope.rooms.includes('*') || scope.rooms.includes(roomId))
}

/**
 * Of which rooms the client of a connection has been told everything that an extension has to say, ever since they came into its scope. Written with the
 * connection.
 */
export class ToldScopes {
  readonly #readTold: (() => Map<string, number>) | undefined
  #loaded: Map<string, number> | undefined
  /** Rooms that are not in the database as they are here. */
  readonly changed = new Set<string>()

  /** `readTold`: rooms that the client was told of as the database has them, and for which extensions, as bits; without it nothing has been written. */
  constructor(readTold?: () => Map<string, number>) {
    this.#readTold = readTold
  }

  /** For which extensions a room is told, as bits. */
  told(roomId: string): number {
    return this.#told().get(roomId) ?? 0
  }

  /** The client has been told of these rooms, and has been sent others. Those that are held could not be asked. */
  add(rooms: ScopedRooms, sent: Iterable<string>, isHeld: (roomId: string) => boolean): void {
    for (const roomId of sent) {
      if ((this.told(roomId) & RECEIPTS_LEFT) !== 0) this.#set(roomId, this.told(roomId) | RECEIPTS_MISSED)
    }
    for (const extension of SCOPED_EXTENSIONS) {
      const over = extension === 'receipts' ? RECEIPTS_LEFT | RECEIPTS_MISSED : 0
      for (const roomId of rooms[extension]) {
        if (extension === 'accountData' || !isHeld(roomId)) this.#set(roomId, (this.told(roomId) & ~over) | BITS[extension])
      }
    }
  }

  /** What a request has in scope now: of a room that is out the client knows nothing any more. */
  keep(scopes: ScopesOfRequest): void {
    for (const [roomId, told] of this.#told()) {
      let still = told
      for (const extension of SCOPED_EXTENSIONS) if (scopes[extension]?.has(roomId) !== true) still &= ~BITS[extension]
      if ((told & ~still & BITS.receipts) !== 0) still |= RECEIPTS_LEFT
      this.#set(roomId, still)
    }
  }

  /** What the database says of the client is older than what the client has: it is told everything anew. */
  forget(): void {
    for (const [roomId, told] of this.#told()) {
      const kept = told & (RECEIPTS_LEFT | RECEIPTS_MISSED | ANSWERS_LOST)
      this.#set(roomId, kept | ((told & BITS.receipts) === 0 ? 0 : RECEIPTS_LEFT))
    }
  }

  /** The client has had an answer that nobody knows of any more: it may have been sent any room. */
  noteLostAnswer(): void {
    this.#set(GLOBAL, this.told(GLOBAL) | ANSWERS_LOST)
  }

  /** Whether the client may have been sent rooms of which nobody knows. */
  get hasLostAnswers(): boolean {
    return (this.told(GLOBAL) & ANSWERS_LOST) !== 0
  }

  /** Whether a room has come into scope since the client was told of it. */
  hasEntered(extension: ScopedExtension, scopes: ScopesOfRequest, roomId: string): boolean {
    return scopes[extension]?.has(roomId) === true && (this.told(roomId) & BITS[extension]) === 0
  }

  /** Whether receipts may have changed, before the room was sent last, of which the client was not told. */
  hasMissedReceipts(roomId: string): boolean {
    return (this.told(roomId) & RECEIPTS_MISSED) !== 0
  }

  #set(roomId: string, told: number): void {
    if (this.told(roomId) === told) return
    if (told === 0) this.#told().delete(roomId)
    else this.#told().set(roomId, told)
    this.changed.add(roomId)
  }

  #told(): Map<string, number> {
    this.#loaded ??= this.#readTold?.() ?? new Map()
    return this.#loaded
  }
}
