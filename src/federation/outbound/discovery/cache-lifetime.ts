import { WELL_KNOWN_DEFAULT_MS, WELL_KNOWN_ERROR_MAX_MS, WELL_KNOWN_ERROR_MS, WELL_KNOWN_MAX_MS, WELL_KNOWN_MIN_MS } from '../limits.ts'

const MS_PER_SECOND = 1_000

/**
 * How long a valid delegation is believed, in milliseconds: as its `Cache-Control` or `Expires` header says, within our bounds
 * (server-server-api#resolving-server-names, step 3).
 */
export function delegationLifetimeMs(headers: Headers, nowMs: number): number {
  return Math.min(WELL_KNOWN_MAX_MS, Math.max(WELL_KNOWN_MIN_MS, statedLifetimeMs(headers, nowMs) ?? WELL_KNOWN_DEFAULT_MS))
}

function statedLifetimeMs(headers: Headers, nowMs: number): number | undefined {
  const directives = (headers.get('cache-control') ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
  if (directives.includes('no-store') || directives.includes('no-cache')) return 0
  for (const directive of directives) {
    const seconds = /^max-age="?(\d{1,15})"?$/.exec(directive)?.[1]
    if (seconds !== undefined) return Number(seconds) * MS_PER_SECOND
  }
  const expires = headers.get('expires')
  if (expires === null) return undefined
  const at = Date.parse(expires)
  return Number.isNaN(at) ? 0 : at - nowMs
}

/** How long a failure is believed, after so many in a row (from 1). */
export function failureLifetimeMs(failures: number): number {
  return Math.min(WELL_KNOWN_ERROR_MAX_MS, WELL_KNOWN_ERROR_MS * 2 ** Math.min(failures - 1, 16))
}
