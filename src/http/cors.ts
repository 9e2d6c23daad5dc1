/*
 * Cross-origin access (client-server-api#web-browser-clients): on every answer, errors and unknown paths included. Never with credentials.
 */

/** Headers of every answer. */
export const CORS_HEADERS: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': 'X-Requested-With, Content-Type, Authorization, Date',
  'Access-Control-Expose-Headers': 'X-Request-Id',
}

/** Seconds for which a browser may remember the answer to a preflight request. */
const PREFLIGHT_MAX_AGE_SECONDS = '86400'

/** The answer to any OPTIONS request: no endpoint does work for it. */
export function preflightResponse(): Response {
  return new Response(null, { status: 204, headers: { ...CORS_HEADERS, 'Access-Control-Max-Age': PREFLIGHT_MAX_AGE_SECONDS } })
}
