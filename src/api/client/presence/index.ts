import { getPresence, putPresence } from './presence.ts'

/** Who is there. */
export const presenceEndpoints = [getPresence, putPresence]
