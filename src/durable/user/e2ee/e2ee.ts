import { unusedFallbackAlgorithms } from '../../../storage/user/fallback-keys.ts'
import { countOneTimeKeys } from '../../../storage/user/one-time-keys.ts'
import type { KeyCounts } from '../../sync-protocol.ts'
import type { UserCore } from '../user-core.ts'
import { Inbox } from './inbox.ts'
import { Outbox } from './outbox.ts'

/** The algorithm whose count clients always want to see. */
const USUAL_ALGORITHM = 'signed_curve25519'

/** End-to-end encryption of one account: what it hears and tells, and what this life of the object remembers of its keys. */
export class E2ee {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly #core: UserCore
  readonly #counts = new Map<string, KeyCounts>()

  constructor(core: UserCore) {
    this.#core = core
    this.inbox = new Inbox(core.store)
    this.outbox = new Outbox(core)
    core.feedKeeper.riders.push(this.inbox)
  }

  /** What a device must know of its keys that others can still claim. */
  keyCounts(deviceId: string): KeyCounts {
    let counts = this.#counts.get(deviceId)
    if (counts === undefined) {
      const { store } = this.#core
      counts = {
        oneTimeKeys: JSON.stringify(Object.fromEntries([[USUAL_ALGORITHM, 0], ...countOneTimeKeys(store, deviceId)])),
        unusedFallbackTypes: JSON.stringify(unusedFallbackAlgorithms(store, deviceId)),
      }
      this.#counts.set(deviceId, counts)
    }
    return counts
  }

  /** The keys of a device are changing; called inside the transaction, so that nothing is remembered that may be rolled back. */
  forgetCounts(deviceId: string): void {
    this.#counts.delete(deviceId)
  }
}
