import * as z from 'zod'
import { queryList } from '../../../http/schema/query.ts'

/** `:roomId` of a path. Any text: whether it names a room of the caller's is for the caller's list to say. */
export const roomParams = z.object({ roomId: z.string() })

/** Servers through which a room may be joined or knocked on (`via`, before version 1.12 `server_name`). */
export const viaQuery = z.object({ via: queryList(), server_name: queryList() })

/** Body of endpoints that take nothing but a reason for a membership. */
export const reasonBody = z.object({ reason: z.string().optional() })

/** Body of endpoints that change somebody else's membership. */
export const targetBody = z.object({ user_id: z.string(), reason: z.string().optional() })

/** Most events that a page may ask for; rooms answer with fewer. */
const MAX_PAGE_LIMIT = 1000

/** `limit` of a page of events. */
export function pageLimit(fallback: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a number')
    .transform((text) => Math.min(Number(text), MAX_PAGE_LIMIT))
    .default(fallback)
}

/** `filter` of a page of events: a room event filter as JSON text. */
export const filterText = z
  .string()
  .max(65_536)
  .refine((text) => {
    try {
      const value: unknown = JSON.parse(text)
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    } catch {
      return false
    }
  }, 'must be a filter as JSON')
  .optional()
