import { getLock, putLock } from './lock.ts'
import { getSuspension, putSuspension } from './suspend.ts'

/** What administrators do with accounts through the client-server API. */
export const accountModerationEndpoints = [getLock, putLock, getSuspension, putSuspension]
