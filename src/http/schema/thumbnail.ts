import * as z from 'zod'
import { mediaTimeout } from './media.ts'
import { queryBoolean } from './query.ts'

/** A side of a thumbnail in pixels. */
const side = z
  .string()
  .regex(/^0*[1-9]\d{0,4}$/, 'must be a number of pixels')
  .transform(Number)

/** What a thumbnail is to be like (client-server-api#thumbnails). */
export const thumbnailQuery = z.object({
  width: side,
  height: side,
  method: z.enum(['crop', 'scale']).default('scale'),
  animated: queryBoolean().default(false),
  timeout_ms: mediaTimeout,
})
