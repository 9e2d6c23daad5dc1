import * as z from 'zod'

/** How long a request waits for a file that has not been uploaded, unless it says otherwise, in milliseconds. */
const DEFAULT_WAIT_MS = 20_000

/** `timeout_ms` of requests for files, in milliseconds. */
export const mediaTimeout = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a number of milliseconds')
  .transform(Number)
  .default(DEFAULT_WAIT_MS)

/** A file's place in a path. What cannot be one is not found; it is no other kind of error. */
export const mediaPath = z.object({ serverName: z.string(), mediaId: z.string() })
