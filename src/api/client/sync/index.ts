import { postSlidingSync } from './sliding.ts'
import { getSync } from './sync.ts'
import { postSyncV4 } from './v4.ts'

/** Receiving what happens. */
export const syncEndpoints = [getSync, postSlidingSync, postSyncV4]
