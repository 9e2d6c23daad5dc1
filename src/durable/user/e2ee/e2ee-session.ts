import type { Outcome } from '../../../runtime/outcome.ts'
import type { KeySignatureRow } from '../../../storage/user/key-signatures.ts'
import type { SyncPlan } from '../../sync-protocol.ts'
import { FeedSession } from '../feed-session.ts'
import { run, runAsync } from '../session-base.ts'
import { type Acquaintance, findAcquaintances, knownServers } from './acquaintances.ts'
import { type ClaimedKey, claimKeys, type KeyClaim } from './claim-keys.ts'
import { planKeyChanges } from './key-changes.ts'
import { type PublishedKeys, publishedKeys, signaturesOverOthers } from './query-keys.ts'
import { sendToDevice, type ToDeviceRequest } from './send-to-device.ts'
import { type Departed, usersSharingNothing } from './sharing.ts'
import { type KeyUpload, uploadKeys } from './upload-keys.ts'

/** Device keys and messages to devices of the account that a credential has opened. */
export abstract class E2eeSession extends FeedSession {
  /** Stores keys of this device; answers how many one-time keys can be claimed, as JSON. */
  uploadKeys(upload: KeyUpload): Outcome<string> {
    return run(this.core, this.admission, (core, { deviceId, requestId }) => uploadKeys(core, deviceId, upload, requestId))
  }

  /** The user's own keys (all devices for an empty list; `undefined`: not asked for), and the signatures that only they see. */
  queryKeys(
    ownDeviceIds: readonly string[] | undefined,
    otherUserIds: readonly string[],
  ): Outcome<{ readonly own: PublishedKeys | undefined; readonly signatures: readonly KeySignatureRow[] }> {
    return run(this.core, this.admission, (core) => ({
      own: ownDeviceIds === undefined ? undefined : publishedKeys(core, ownDeviceIds, 'self'),
      signatures: signaturesOverOthers(core, otherUserIds),
    }))
  }

  /** Claims keys of the user's own devices. */
  claimKeys(claims: readonly KeyClaim[]): Outcome<ClaimedKey[]> {
    return run(this.core, this.admission, (core, { requestId }) => claimKeys(core, claims, requestId))
  }

  /** What a sync from a token would tell, without acknowledging anything. */
  planKeyChanges(from: string): Promise<Outcome<SyncPlan>> {
    return runAsync(this.core, this.admission, (core, requester) => planKeyChanges(core, requester, from))
  }

  /** Which of some users share no room any more. */
  sharingNothing(userIds: readonly string[]): Promise<Outcome<Departed>> {
    return runAsync(this.core, this.admission, (core) => usersSharingNothing(core, userIds))
  }

  /** Those of some users whom the account shares a room with. */
  acquaintances(userIds: readonly string[]): Promise<Outcome<Acquaintance[]>> {
    return runAsync(this.core, this.admission, (core) => findAcquaintances(core, userIds))
  }

  /** Those of some servers that have members, joined or expected, in rooms of the account. */
  knownServers(serverNames: readonly string[]): Promise<Outcome<string[]>> {
    return runAsync(this.core, this.admission, (core) => knownServers(core, serverNames))
  }

  /** Sends messages to devices of local users whose accounts exist. */
  sendToDevice(request: ToDeviceRequest): Promise<Outcome<void>> {
    return runAsync(this.core, this.admission, (core, requester) => sendToDevice(core, requester, request))
  }
}
