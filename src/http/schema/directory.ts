import * as z from 'zod'

/** `limit` of a page of the public directory in a query. */
export const directoryLimit = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a number')
  .transform(Number)
  .optional()

/** `filter` of the public directory (client-server-api#post_matrixclientv3publicrooms). Absent and `null` are the same. */
export const directoryFilter = z
  .object({
    generic_search_term: z.string().nullish(),
    room_types: z.array(z.string().nullable()).max(100).nullish(),
  })
  .nullish()
