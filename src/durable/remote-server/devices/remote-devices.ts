import type { MemberMovement } from '../../../storage/remote-server/member-rooms.ts'
import { PeerOutbox } from '../../peers/peer-outbox.ts'
import { Arrivals } from './arrivals.ts'
import { Changes } from './changes.ts'
import { DeviceLists, type ListsAnswer, type ListsRequest } from './device-lists.ts'
import type { DeviceParts } from './parts.ts'
import type { ReceivedDeviceEdu } from './received-edus.ts'
import { TrackedLists } from './tracked-lists.ts'

/** Everything about the devices of the other server's users: their lists, and what they send to devices here (docs/design/to-device.md). */
export class RemoteDevices {
  readonly #parts: DeviceParts
  readonly #lists: DeviceLists
  readonly #arrivals: Arrivals

  constructor(parts: DeviceParts) {
    this.#parts = parts
    const { store, due, serverName } = parts
    const outbox = new PeerOutbox({
      store,
      due,
      waitUntil: (work) => parts.waitUntil(work),
      deliver: (peer, delivery) => parts.deliver(peer, { from: serverName, ...delivery }),
    })
    const tracked = new TrackedLists(parts)
    const changes = new Changes(parts, outbox)
    this.#lists = new DeviceLists(parts, tracked)
    this.#arrivals = new Arrivals(parts, outbox, changes, tracked, this.#lists)
  }

  /** See {@link Arrivals.take}. */
  take(edus: readonly ReceivedDeviceEdu[]): Promise<boolean> {
    this.#migrate()
    return this.#arrivals.take(edus)
  }

  /** See {@link DeviceLists.lists}. */
  lists(request: ListsRequest): Promise<ListsAnswer> {
    this.#migrate()
    return this.#lists.lists(request)
  }

  /** See {@link Arrivals.noteMembers}. */
  noteMembers(roomId: string, movements: readonly MemberMovement[]): void {
    this.#migrate()
    this.#arrivals.noteMembers(roomId, movements)
  }

  #migrate(): void {
    if (!this.#parts.store.exists()) this.#parts.store.migrate()
  }
}
