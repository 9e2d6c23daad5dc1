import { registerWithSecret, registrationNonce } from './register.ts'

/** What operators' tools call. */
export const adminEndpoints = [registrationNonce, registerWithSecret]
