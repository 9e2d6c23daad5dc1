/** What a client asks for when its user logs in. */
export interface LoginScope {
  /** The device that the tokens are for. */
  readonly deviceId: string
  /** The scope that is granted, in the client's own words. */
  readonly granted: string
}

const API = ['urn:matrix:client:api:*', 'urn:matrix:org.matrix.msc2967.client:api:*']
const DEVICE = ['urn:matrix:client:device:', 'urn:matrix:org.matrix.msc2967.client:device:']
/** Asked for by clients that know OpenID Connect; there are no ID tokens here, so it grants nothing. */
const IGNORED = ['openid']
const MAX_SCOPE_CHARS = 1_000
/** Unreserved characters (client-server-api#device-id-allocation). */
const DEVICE_ID = /^[A-Za-z0-9._~-]{1,255}$/

/**
 * Reads a scope (client-server-api#scope, SECURITY A8): the whole client API and exactly one device, under their stable or unstable names.
 * Answers `undefined` for anything else: nothing smaller is defined, and nothing unknown is granted.
 */
export function parseScope(text: string | undefined): LoginScope | undefined {
  if (text === undefined || text.length > MAX_SCOPE_CHARS) return undefined
  const tokens = text.split(' ').filter((token) => token !== '' && !IGNORED.includes(token))
  const devices = new Set<string>()
  let wholeApi = false
  for (const token of tokens) {
    const prefix = DEVICE.find((start) => token.startsWith(start))
    if (prefix !== undefined) devices.add(token.slice(prefix.length))
    else if (API.includes(token)) wholeApi = true
    else return undefined
  }
  const [deviceId] = devices
  if (!wholeApi || deviceId === undefined || devices.size !== 1 || !DEVICE_ID.test(deviceId)) return undefined
  return { deviceId, granted: tokens.join(' ') }
}
