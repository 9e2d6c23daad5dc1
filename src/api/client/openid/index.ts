import { requestOpenIdToken } from './request-token.ts'

/** Proving to third parties who one is. */
export const openIdEndpoints = [requestOpenIdToken]
