import { getNotifications } from './notifications.ts'
import { getPushers, setPusher } from './pushers.ts'

/** Where notifications go, and what they were. */
export const pushEndpoints = [getPushers, setPusher, getNotifications]
