import { claimUserKeys } from './claim-user-keys.ts'
import { getUserDevices } from './get-user-devices.ts'
import { queryUserKeys } from './query-user-keys.ts'

/** Devices and keys of this server's users. */
export const userKeyEndpoints = [claimUserKeys, getUserDevices, queryUserKeys]
