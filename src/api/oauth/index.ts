import { device } from './device.ts'
import { authIssuer, authMetadata } from './metadata.ts'
import { registration } from './registration.ts'
import { revoke } from './revoke.ts'
import { token } from './token.ts'

/** What clients ask of the authorization server directly; its pages are in `web`. */
export const oauthEndpoints = [authMetadata, authIssuer, registration, token, revoke, device]
