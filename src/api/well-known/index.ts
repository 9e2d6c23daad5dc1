import { jsonResponse } from '../../http/json-response.ts'
import { notFound } from '../../matrix/errors.ts'
import { endpoint } from '../endpoint.ts'

/** Clients and servers may believe a discovery document for an hour. */
const CACHE_CONTROL = 'public, max-age=3600'
const DEFAULT_HTTPS_PORT = '443'

/** `GET /.well-known/matrix/client` (client-server-api#getwell-knownmatrixclient). */
const wellKnownClient = endpoint({ method: 'GET', path: '/.well-known/matrix/client', auth: 'none', rateLimit: 'none' }, ({ ctx }) =>
  jsonResponse({ 'm.homeserver': { base_url: ctx.config.publicUrl } }, { cacheControl: CACHE_CONTROL, requestId: ctx.requestId }),
)

/**
 * `GET /.well-known/matrix/server` (server-server-api#getwell-knownmatrixserver). Other servers speak HTTPS only: where the public URL is plain
 * HTTP there is nothing to delegate to.
 */
const wellKnownServer = endpoint({ method: 'GET', path: '/.well-known/matrix/server', auth: 'none', rateLimit: 'none' }, ({ ctx }) => {
  const url = new URL(ctx.config.publicUrl)
  if (url.protocol !== 'https:') throw notFound('There is no delegation')
  const server = `${url.hostname}:${url.port === '' ? DEFAULT_HTTPS_PORT : url.port}`
  return jsonResponse({ 'm.server': server }, { cacheControl: CACHE_CONTROL, requestId: ctx.requestId })
})

/** Discovery. */
export const wellKnownEndpoints = [wellKnownClient, wellKnownServer]
