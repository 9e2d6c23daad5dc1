import type { Config } from './config.ts'
import { constantTimeEqual } from './constant-time.ts'

/** Header by which the self-hosting program's TLS listener vouches for an address: `<control token> <address>`. */
export const VOUCHED_ADDRESS_HEADER = 'x-myelin-client-address'

/**
 * Where a request comes from, or `undefined` when nobody trustworthy said so. Whoever connects can send any header, so each source is
 * believed only where the configuration says that it is set by us, by the edge or by the operator's reverse proxy.
 */
export function clientAddress(request: Request, config: Config): string | undefined {
  const vouched = request.headers.get(VOUCHED_ADDRESS_HEADER)
  if (vouched !== null && config.controlToken !== undefined) {
    const space = vouched.indexOf(' ')
    if (space > 0 && constantTimeEqual(vouched.slice(0, space), config.controlToken)) return vouched.slice(space + 1)
  }
  if (config.clientAddressSource === 'none') return undefined
  const value = request.headers.get(config.clientAddressSource)
  // A proxy appends to what the client sent: only the last entry is the proxy's own word.
  const address = value?.split(',').at(-1)?.trim()
  return address === undefined || address === '' ? undefined : address
}
