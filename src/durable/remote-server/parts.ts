import type { JsonObject } from '../../matrix/json.ts'
import type { DueTable } from '../../storage/due-table.ts'
import type { ObjectStore } from '../../storage/object-store.ts'

/** Room → queue: there is something for the server. Repeating it changes nothing. */
export interface RoomNews {
  readonly roomId: string
  /** A queue that does not know the room yet starts behind this position; one that does goes on where it is. */
  readonly fromPos: number
  /** The room's newest position. */
  readonly headPos: number
}

/** A page of what a room has for a server. */
export interface RoomEventsPage {
  /** PDUs as JSON texts, in order. */
  readonly pdus: readonly string[]
  /** Everything up to here has been looked at. */
  readonly nextPos: number
  readonly more: boolean
}

/** What a queue asks of rooms. The answer is a function of the position. */
export interface RoomEvents {
  eventsForServer(serverName: string, fromPos: number, limit: number): Promise<RoomEventsPage>
}

/** What the queue of one other server works with; tests put other things here. */
export interface RemoteServerParts {
  /** The other server. */
  readonly serverName: string
  /** This server. */
  readonly ownName: string
  readonly store: ObjectStore
  readonly due: DueTable
  readonly now: () => number
  /** Random numbers in [0, 1). */
  readonly fraction: () => number
  readonly newTxnId: () => string
  room(roomId: string): RoomEvents
  /** `PUT /_matrix/federation/v1/send/{txnId}`; answers its body. @throws OutboundError. */
  send(txnId: string, canonicalBody: string): Promise<JsonObject>
}

/** Brings the database into being; only what has something to keep may do this. */
export function ready(parts: RemoteServerParts): ObjectStore {
  if (!parts.store.exists()) parts.store.migrate()
  return parts.store
}
