import * as z from 'zod'
import { jsonObject } from '../../../http/schema/json.ts'

/** `auth` of requests under user-interactive authentication; the stage reads what it needs. Clients write what they do not have as `null`. */
export const auth = jsonObject
  .nullish()
  .transform((value) => value && Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null)))
  .transform((value) => value ?? undefined)

/** What a client may say about the device that it logs in on. `null` counts as absent. */
export const deviceKeys = {
  device_id: z.string().nullish(),
  initial_device_display_name: z.string().nullish(),
  refresh_token: z.boolean().nullish(),
}
