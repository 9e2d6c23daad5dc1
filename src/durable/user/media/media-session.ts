import type { Outcome } from '../../../runtime/outcome.ts'
import { DelayedSession } from '../delayed/delayed-session.ts'
import { run, runAsync } from '../session-base.ts'
import type { UploadRequest } from './uploads.ts'

/** Uploads of the account that a credential has opened. */
export abstract class MediaSession extends DelayedSession {
  /** Makes an ID that a file may be uploaded to; answers until when, in milliseconds since the epoch. */
  createUpload(mediaId: string): Promise<Outcome<number>> {
    return runAsync(this.core, this.admission, (core, { requestId }) => core.uploads.create(mediaId, requestId))
  }

  /** Reserves room for a file; answers how many bytes it may have. */
  beginUpload(request: UploadRequest): Promise<Outcome<number>> {
    return runAsync(this.core, this.admission, (core, { requestId }) => core.uploads.begin(request, requestId))
  }

  /** The file is there. */
  finishUpload(mediaId: string, bytes: number): Outcome<void> {
    return run(this.core, this.admission, (core, { requestId }) => core.uploads.finish(mediaId, bytes, requestId))
  }

  /** It has come to nothing; an ID that was made before waits on. */
  failUpload(mediaId: string, pendingUntilTs: number | undefined): Promise<Outcome<void>> {
    return runAsync(this.core, this.admission, (core, { requestId }) => core.uploads.fail(mediaId, pendingUntilTs, requestId))
  }
}
