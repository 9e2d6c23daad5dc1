import type { Variables } from './config.ts'

/** What this server keeps of files. Sizes in bytes. */
export interface MediaConfig {
  /** Largest file that users may upload. */
  readonly uploadMaxBytes: number
  /** Everything that one user may have uploaded; 0: no limit. */
  readonly userQuotaBytes: number
  /** Largest file of another server that is fetched. */
  readonly remoteMaxBytes: number
  /** How long a copy of another server's file is kept after its last use; 0: as long as there is room. */
  readonly remoteRetentionMs: number
  /** All copies together; what was used longest ago goes first. */
  readonly remoteCacheBytes: number
  /** Pixels of the largest image that thumbnails are made of: it takes 14 bytes of memory for each while that lasts. */
  readonly thumbnailMaxPixels: number
  /** Whether what is uploaded or fetched now may be downloaded without an access token (the endpoints are "frozen" where it may not). */
  readonly unauthenticated: boolean
  /** Whether pages that users link to are read for them. */
  readonly urlPreviews: boolean
  /** Hosts that are not asked for previews, nor their subdomains; in lower case. */
  readonly deniedPreviewHosts: readonly string[]
}

const MIB = 1_024 * 1_024
const GIB = 1_024 * MIB
const DAY_MS = 24 * 60 * 60 * 1_000

/** Reads the settings of media; what is wrong with them is added to `problems`. */
export function mediaConfig(vars: Variables, problems: string[]): MediaConfig {
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const given = vars[name]
    if (given === undefined || given === '') return fallback
    const value = Number(given)
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value
    problems.push(`${name} is ${JSON.stringify(given)}; it must be a whole number from ${min} to ${max}`)
    return fallback
  }
  const onOff = (name: string, fallback: boolean): boolean => {
    const given = vars[name] ?? ''
    if (!['', 'on', 'off'].includes(String(given))) problems.push(`${name} is ${JSON.stringify(given)}; it must be one of off, on`)
    return given === '' ? fallback : given === 'on'
  }
  const denied = String(vars.MYELIN_URL_PREVIEW_DENY ?? '').split(',')
  return {
    uploadMaxBytes: integer('MYELIN_MEDIA_UPLOAD_MAX_BYTES', 50 * MIB, 1, 4 * GIB),
    userQuotaBytes: integer('MYELIN_MEDIA_USER_QUOTA_BYTES', 10 * GIB, 0, Number.MAX_SAFE_INTEGER),
    remoteMaxBytes: integer('MYELIN_MEDIA_REMOTE_MAX_BYTES', 100 * MIB, 1, 4 * GIB),
    remoteRetentionMs: integer('MYELIN_MEDIA_REMOTE_RETENTION_DAYS', 90, 0, 36_500) * DAY_MS,
    remoteCacheBytes: integer('MYELIN_MEDIA_REMOTE_CACHE_BYTES', 20 * GIB, 0, Number.MAX_SAFE_INTEGER),
    thumbnailMaxPixels: integer('MYELIN_MEDIA_THUMBNAIL_MAX_PIXELS', 5_000_000, 0, 100_000_000),
    unauthenticated: onOff('MYELIN_MEDIA_UNAUTHENTICATED', false),
    urlPreviews: onOff('MYELIN_URL_PREVIEWS', true),
    deniedPreviewHosts: denied
      .map((host) =>
        host
          .trim()
          .toLowerCase()
          .replace(/^\*?\./, ''),
      )
      .filter((host) => host !== ''),
  }
}
