import type { JsonObject } from '../../../matrix/json.ts'
import type { Outcome } from '../../../runtime/outcome.ts'
import type { BackedUpSession, SessionSelection } from '../../../storage/user/key-backup-sessions.ts'
import type { UiaRequest, UiaResult } from '../accounts-uia.ts'
import { run, runAsync } from '../session-base.ts'
import { type CrossSigningUpload, uploadCrossSigningKeys } from './cross-signing.ts'
import {
  type DehydratedDeviceUpload,
  type DehydratedEvents,
  dehydratedEvents,
  deleteDehydratedDevice,
  getDehydratedDevice,
  putDehydratedDevice,
} from './dehydrated-device.ts'
import { E2eeSession } from './e2ee-session.ts'
import {
  createKeyBackup,
  describeKeyBackup,
  getSession,
  type KeyBackupInfo,
  type KeyBackupState,
  listSessions,
  putSessions,
  removeKeyBackup,
  removeSessions,
  type SessionPage,
  updateKeyBackup,
} from './key-backup.ts'
import { type SignatureFailure, type SignedKey, uploadSignatures } from './upload-signatures.ts'

/** Cross-signing, backups of keys and the dehydrated device of the account that a credential has opened. */
export abstract class BackupSession extends E2eeSession {
  /** Stores cross-signing keys; replacing them must be confirmed by the user. */
  uploadCrossSigningKeys(upload: CrossSigningUpload, uia: UiaRequest): Promise<Outcome<UiaResult<void>>> {
    return runAsync(this.core, this.admission, (core, requester) => uploadCrossSigningKeys(core, requester, upload, uia))
  }

  /** Stores signatures; answers those that were refused. */
  uploadSignatures(keys: readonly SignedKey[]): Outcome<SignatureFailure[]> {
    return run(this.core, this.admission, (core, requester) => uploadSignatures(core, requester, keys))
  }

  /** Creates a backup of room keys; answers its version. */
  createKeyBackup(algorithm: string, authData: JsonObject): Outcome<string> {
    return run(this.core, this.admission, (core, { requestId }) => createKeyBackup(core, algorithm, authData, requestId))
  }

  /** A backup, or the current one. */
  keyBackup(version: string | undefined): Outcome<KeyBackupInfo> {
    return run(this.core, this.admission, (core) => describeKeyBackup(core, version))
  }

  /** Replaces a backup's `auth_data`. */
  updateKeyBackup(version: string, algorithm: string, authData: JsonObject): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => updateKeyBackup(core, version, algorithm, authData, requestId))
  }

  /** Deletes a backup. */
  deleteKeyBackup(version: string): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => removeKeyBackup(core, version, requestId))
  }

  /** Stores sessions in the current backup. */
  putBackedUpSessions(version: string, sessions: readonly BackedUpSession[]): Outcome<KeyBackupState> {
    return run(this.core, this.admission, (core, { requestId }) => putSessions(core, version, sessions, requestId))
  }

  /** One session of a backup. */
  backedUpSession(version: string, roomId: string, sessionId: string): Outcome<BackedUpSession> {
    return run(this.core, this.admission, (core) => getSession(core, version, roomId, sessionId))
  }

  /** Sessions of a backup or of one of its rooms, after one of them. */
  backedUpSessions(version: string, roomId: string | undefined, after: BackedUpSession | undefined): Outcome<SessionPage> {
    return run(this.core, this.admission, (core) => listSessions(core, version, roomId, after))
  }

  /** Deletes sessions of a backup. */
  deleteBackedUpSessions(version: string, selection: SessionSelection): Outcome<KeyBackupState> {
    return run(this.core, this.admission, (core, { requestId }) => removeSessions(core, version, selection, requestId))
  }

  /** Stores the dehydrated device. */
  putDehydratedDevice(upload: DehydratedDeviceUpload): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => putDehydratedDevice(core, upload, requestId))
  }

  /** The dehydrated device. */
  dehydratedDevice(): Outcome<{ readonly deviceId: string; readonly deviceData: string }> {
    return run(this.core, this.admission, (core) => getDehydratedDevice(core))
  }

  /** Removes the dehydrated device; answers its ID. */
  deleteDehydratedDevice(): Outcome<string> {
    return run(this.core, this.admission, (core, { requestId }) => deleteDehydratedDevice(core, requestId))
  }

  /** Messages for the dehydrated device. */
  dehydratedEvents(deviceId: string, from: string | undefined): Outcome<DehydratedEvents> {
    return run(this.core, this.admission, (core) => dehydratedEvents(core, deviceId, from))
  }
}
