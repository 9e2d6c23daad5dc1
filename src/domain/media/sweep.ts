import type { Env } from '../../runtime/bindings.ts'
import { nowMs } from '../../runtime/clock.ts'
import { configOf } from '../../runtime/config.ts'
import { bytesOfCopies, forgetMedia, type MediaRow, unusedCopies } from '../../storage/d1/media.ts'
import { openRegistry, type Registry } from '../../storage/d1/open.ts'
import { Blobs } from '../../storage/media/blobs.ts'
import { keysOf } from '../../storage/media/keys.ts'
import { MAX_SWEEP_PAGES, SWEEP_PAGE } from './limits.ts'

/** What a sweep has removed. */
export interface Swept {
  readonly files: number
  readonly bytes: number
}

/** Removes copies of other servers' files that nobody has used for too long, and beyond the room for them those used longest ago. */
export async function sweepCopies(env: Env): Promise<Swept> {
  const { remoteRetentionMs, remoteCacheBytes } = configOf(env).media
  const registry = openRegistry(env, undefined)
  const old = remoteRetentionMs === 0 ? NOTHING : await removeUnused(env, registry, nowMs() - remoteRetentionMs, Number.POSITIVE_INFINITY)
  const surplus = (await bytesOfCopies(registry)) - remoteCacheBytes
  const more = surplus <= 0 ? NOTHING : await removeUnused(env, registry, nowMs(), surplus)
  return { files: old.files + more.files, bytes: old.bytes + more.bytes }
}

/** Removes every copy that nobody has used since a time. */
export function purgeCopies(env: Env, beforeTs: number): Promise<Swept> {
  return removeUnused(env, openRegistry(env, undefined), beforeTs, Number.POSITIVE_INFINITY)
}

const NOTHING: Swept = { files: 0, bytes: 0 }

async function removeUnused(env: Env, registry: Registry, beforeTs: number, enoughBytes: number): Promise<Swept> {
  let [files, bytes] = [0, 0]
  for (let page = 0; page < MAX_SWEEP_PAGES && bytes < enoughBytes; page += 1) {
    const rows = await unusedCopies(registry, beforeTs, SWEEP_PAGE)
    for (const row of rows) {
      if (bytes >= enoughBytes) break
      await removeFile(env, registry, row)
      files += 1
      bytes += row.bytes
    }
    if (rows.length < SWEEP_PAGE) break
  }
  return { files, bytes }
}

/** Removes a file: its bytes first, so that what is left of it by a crash can still be found. Repeating it changes nothing. */
export async function removeFile(env: Env, registry: Registry, row: MediaRow): Promise<void> {
  if (row.blob !== undefined) await new Blobs(env, undefined).delete(keysOf(row.blob))
  await forgetMedia(registry, row)
}
