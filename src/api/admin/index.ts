import { deleteOne, listOfUser, purgeCache, quarantine, unquarantine } from './media.ts'
import { registerWithSecret, registrationNonce } from './register.ts'
import { reportAdminEndpoints } from './reports.ts'

/** What operators' tools call. */
export const adminEndpoints = [
  registrationNonce,
  registerWithSecret,
  quarantine,
  unquarantine,
  deleteOne,
  listOfUser,
  purgeCache,
  ...reportAdminEndpoints,
]
