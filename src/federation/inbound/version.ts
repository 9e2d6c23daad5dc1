import { publicEndpoint } from './endpoint.ts'

/** What this server calls itself. */
export const SERVER_SOFTWARE = { name: 'Myelin', version: '0.1.0' } as const

/** `GET /_matrix/federation/v1/version` (server-server-api#get_matrixfederationv1version). */
export const getVersion = publicEndpoint(
  { method: 'GET', path: '/_matrix/federation/v1/version', auth: 'none', rateLimit: 'none' },
  () => ({
    server: SERVER_SOFTWARE,
  }),
)
