import type { FederationRequest } from '../../../federation/outbound/client.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { DueTable } from '../../../storage/due-table.ts'
import type { ObjectStore } from '../../../storage/object-store.ts'
import type { PeerDelivery, PeerReply } from '../../protocol.ts'

/** What a room says of who shares it. */
export interface SharingRoom {
  /** Which of some users have been in the room without a break since the positions named. */
  stillJoined(generation: string, since: readonly (readonly [userId: string, pos: number])[]): Promise<string[]>
  /** Local users who share the room with a user of the other server. */
  localsWith(userId: string): Promise<string[]>
}

/** What the work on devices of one other server's users rests on; tests put other things here. */
export interface DeviceParts {
  readonly serverName: string
  readonly store: ObjectStore
  readonly due: DueTable
  readonly now: () => number
  /** Random numbers in [0, 1). */
  readonly fraction: () => number
  waitUntil(work: Promise<unknown>): void
  room(roomId: string): SharingRoom
  /** Hands items to a local user. */
  deliver(userId: string, delivery: PeerDelivery): Promise<PeerReply>
  /** Asks the other server. @throws OutboundError. */
  ask(request: FederationRequest): Promise<JsonObject>
}
