import { type MemberMovement, writeMemberMovements } from '../../../storage/remote-server/member-rooms.ts'
import { isMessageKnown, rememberMessage } from '../../../storage/remote-server/received-messages.ts'
import type { PeerOutbox } from '../../peers/peer-outbox.ts'
import type { Changes } from './changes.ts'
import type { DeviceLists } from './device-lists.ts'
import type { DeviceParts } from './parts.ts'
import type { ReceivedDeviceEdu, ReceivedMessage } from './received-edus.ts'
import type { TrackedLists } from './tracked-lists.ts'

/** What the other server tells of devices, on its way to local users. */
export class Arrivals {
  readonly #parts: DeviceParts
  readonly #outbox: PeerOutbox
  readonly #changes: Changes
  readonly #tracked: TrackedLists
  readonly #lists: DeviceLists

  constructor(parts: DeviceParts, outbox: PeerOutbox, changes: Changes, tracked: TrackedLists, lists: DeviceLists) {
    this.#parts = parts
    this.#outbox = outbox
    this.#changes = changes
    this.#tracked = tracked
    this.#lists = lists
  }

  /**
   * Takes EDUs in: durable when this answers, then on their way to the users. Messages that came before are left out. Answers false where there is no room: they may
   * come again.
   */
  async take(edus: readonly ReceivedDeviceEdu[]): Promise<boolean> {
    const { store } = this.#parts
    let messages = 0
    for (const edu of edus) if (edu.kind === 'message') messages += edu.recipients.length
    if (messages > 0 && !this.#outbox.hasRoomFor(messages)) return false
    const changed = new Set(edus.flatMap((edu) => (edu.kind === 'message' ? [] : [edu.userId])))
    for (const userId of changed) this.#lists.touched(userId)
    const sharing = await this.#changes.sharing(changed)
    const peers = new Set<string>()
    let resync = false
    store.transaction(undefined, () => {
      const told = new Set<string>()
      for (const edu of edus) {
        if (edu.kind === 'message') {
          for (const peer of this.#takeMessage(edu)) peers.add(peer)
          continue
        }
        if (edu.kind === 'signing') this.#tracked.applySigning(edu)
        else if (this.#tracked.applyDevice(edu)) resync = true
        if (told.has(edu.userId)) continue
        told.add(edu.userId)
        for (const peer of this.#changes.tell(edu.userId, sharing)) peers.add(peer)
      }
      if (resync) this.#lists.planResync()
    })
    this.#outbox.deliver(peers)
    if (resync) this.#lists.resyncSoon()
    return true
  }

  #takeMessage({ sender, type, messageId, recipients }: ReceivedMessage): string[] {
    const { store } = this.#parts
    if (recipients.length === 0 || isMessageKnown(store, messageId)) return []
    rememberMessage(store, messageId)
    return recipients.map(({ userId, messages }) => {
      this.#outbox.add(userId, 'to_device', JSON.stringify({ sender, type, messages }))
      return userId
    })
  }

  /** A room of few servers tells who came and went. */
  noteMembers(roomId: string, movements: readonly MemberMovement[]): void {
    this.#parts.store.transaction(undefined, () => writeMemberMovements(this.#parts.store, roomId, movements))
  }
}
