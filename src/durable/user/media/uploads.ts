import { forbidden, limitExceeded, MatrixError, notFound } from '../../../matrix/errors.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { findMedia, forgetMedia, mediaOfUser } from '../../../storage/d1/media.ts'
import { openRegistry } from '../../../storage/d1/open.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { Blobs } from '../../../storage/media/blobs.ts'
import { keysOf } from '../../../storage/media/keys.ts'
import * as rows from '../../../storage/user/uploads.ts'
import type { UserCore } from '../user-core.ts'
import { ERASED_PER_RUN, MAX_PENDING_UPLOADS, MAX_UPLOADS_AT_ONCE, PENDING_UPLOAD_MS, UPLOAD_MS, UPLOAD_RETRY_MS } from './limits.ts'

/** `due` kinds: an upload that should be over; files of a user who has gone. */
const UPLOAD_DUE = 'upload'
const ERASE_DUE = 'erase-media'

/** An upload to begin. */
export interface UploadRequest {
  readonly mediaId: string
  /** What the client says that it will send, if it does. */
  readonly bytes: number | undefined
  /** The ID was made before, by {@link Uploads.create}. */
  readonly created: boolean
}

/**
 * What this user uploads (docs/design/media.md): each ID is used once, and all files together stay within the user's quota. The files themselves,
 * and who may see them, are the Worker's and the registry's.
 */
export class Uploads {
  readonly #core: UserCore

  constructor(core: UserCore) {
    this.#core = core
    core.due.handle(UPLOAD_DUE, (mediaId) => this.#expired(mediaId))
    core.due.handle(ERASE_DUE, () => this.#erase())
  }

  /** Makes an ID that a file may be uploaded to; answers until when. @throws MatrixError M_LIMIT_EXCEEDED. */
  async create(mediaId: string, requestId: string): Promise<number> {
    const { store, due } = this.#core
    const now = nowMs()
    const pending = rows.listUploads(store, now).filter(({ state }) => state === 'pending')
    if (pending.length >= MAX_PENDING_UPLOADS) {
      throw limitExceeded(Math.max(UPLOAD_RETRY_MS, Math.min(...pending.map(({ expiresTs }) => expiresTs)) - now))
    }
    const expiresTs = now + PENDING_UPLOAD_MS
    store.transaction(requestId, () => {
      rows.writeUpload(store, { mediaId, state: 'pending', bytes: 0, expiresTs })
      due.ensure(UPLOAD_DUE, mediaId, expiresTs)
    })
    await due.arm()
    return expiresTs
  }

  /**
   * Reserves room for a file; answers how large it may be.
   * @throws MatrixError M_FORBIDDEN (quota), M_LIMIT_EXCEEDED, M_NOT_FOUND (no such ID of this user's), 409 M_CANNOT_OVERWRITE_MEDIA (being uploaded).
   */
  async begin({ mediaId, bytes, created }: UploadRequest, requestId: string): Promise<number> {
    const { store, due, config } = this.#core
    const now = nowMs()
    const known = rows.readUpload(store, mediaId)
    if (created && (known === undefined || known.expiresTs <= now)) throw notFound('There is no such media ID, or it has expired')
    if (known?.state === 'uploading') throw new MatrixError(409, 'M_CANNOT_OVERWRITE_MEDIA', 'That media is being uploaded')
    const underWay = rows.listUploads(store, now).filter(({ state }) => state === 'uploading')
    if (underWay.length >= MAX_UPLOADS_AT_ONCE) throw limitExceeded(UPLOAD_RETRY_MS)
    const { uploadMaxBytes, userQuotaBytes } = config.media
    const reserved = underWay.reduce((sum, upload) => sum + upload.bytes, 0)
    const left = userQuotaBytes === 0 ? uploadMaxBytes : userQuotaBytes - rows.uploadedBytes(store) - reserved
    const room = Math.min(uploadMaxBytes, left)
    if (room <= 0 || (bytes ?? 0) > room) throw forbidden('You have uploaded as much as you may')
    const expiresTs = now + UPLOAD_MS
    store.transaction(requestId, () => {
      rows.writeUpload(store, { mediaId, state: 'uploading', bytes: bytes ?? room, expiresTs })
      due.ensure(UPLOAD_DUE, mediaId, expiresTs)
    })
    await due.arm()
    return bytes ?? room
  }

  /** The file is there, and the registry knows it. */
  finish(mediaId: string, bytes: number, requestId: string): void {
    const { store, due } = this.#core
    if (rows.readUpload(store, mediaId) === undefined) return
    store.transaction(requestId, () => {
      rows.deleteUpload(store, mediaId)
      rows.addUploadedBytes(store, bytes)
      due.clear(UPLOAD_DUE, mediaId)
    })
  }

  /** It has come to nothing, and nothing is left of it. An ID that was made before can be tried again. */
  async fail(mediaId: string, pendingUntilTs: number | undefined, requestId: string): Promise<void> {
    const { store, due } = this.#core
    if (rows.readUpload(store, mediaId)?.state !== 'uploading') return
    store.transaction(requestId, () => {
      due.clear(UPLOAD_DUE, mediaId)
      if (pendingUntilTs === undefined) return rows.deleteUpload(store, mediaId)
      rows.writeUpload(store, { mediaId, state: 'pending', bytes: 0, expiresTs: pendingUntilTs })
      due.ensure(UPLOAD_DUE, mediaId, pendingUntilTs)
    })
    await due.arm()
  }

  /** A file of this user's has been removed. */
  removed(bytes: number, requestId: string | undefined): void {
    const { store } = this.#core
    if (store.exists()) store.transaction(requestId, () => rows.addUploadedBytes(store, -bytes))
  }

  /** The user has gone, and their files with them. The caller holds the transaction. */
  planErasure(): void {
    this.#core.due.ensure(ERASE_DUE, '', nowMs())
    this.#core.ctx.waitUntil(this.#armed())
  }

  /** After the transaction, but in its turn: the alarm and the plan are one commit. */
  async #armed(): Promise<void> {
    await Promise.resolve()
    await this.#core.due.arm()
  }

  /** An ID that nobody has uploaded to in time, or an upload that was left in the middle. */
  async #expired(mediaId: string): Promise<DueResult> {
    const { store, config, env } = this.#core
    const upload = rows.readUpload(store, mediaId)
    if (upload === undefined) return 'done'
    if (upload.expiresTs > nowMs()) return { again: upload.expiresTs }
    const registry = openRegistry(env, undefined)
    const filed = await findMedia(registry, config.serverName, mediaId)
    if (filed?.blob !== undefined) {
      this.finish(mediaId, filed.bytes, '')
      return 'done'
    }
    if (filed !== undefined && filed.quarantinedBy === undefined) await forgetMedia(registry, filed)
    await new Blobs(env, undefined).delete(keysOf(mediaId))
    store.transaction(undefined, () => rows.deleteUpload(store, mediaId))
    return 'done'
  }

  /** Some of the files of a user who has gone. */
  async #erase(): Promise<DueResult> {
    const { localpart, env } = this.#core
    const registry = openRegistry(env, undefined)
    const files = await mediaOfUser(registry, localpart, Number.MAX_SAFE_INTEGER, ERASED_PER_RUN)
    for (const file of files) {
      // The bytes first: what is left of a file by a crash is found again.
      if (file.blob !== undefined) await new Blobs(env, undefined).delete(keysOf(file.blob))
      await forgetMedia(registry, file)
      this.removed(file.bytes, undefined)
    }
    return files.length < ERASED_PER_RUN ? 'done' : { again: nowMs() }
  }
}
