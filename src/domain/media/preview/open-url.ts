import { type Guard, type GuardedResponse, guardedFetch } from '../../../federation/outbound/guarded-fetch.ts'
import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { PREVIEW_REDIRECTS, PREVIEW_TIMEOUT_MS } from './limits.ts'

/** What may be asked, and how. */
export interface PreviewNetwork {
  readonly guard: Guard
  /** Hosts that are not asked, nor their subdomains. */
  readonly deniedHosts: readonly string[]
}

/** An answer, and where it came from in the end. */
export interface OpenedUrl {
  readonly url: URL
  readonly response: GuardedResponse
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

/**
 * Asks for a page or an image that somebody has linked to. Each hop is judged like the first: by the guard, and by the operator's list (SECURITY M6, M7).
 * Nothing is sent that says who wants to know. @throws OutboundError.
 */
export async function openUrl(network: PreviewNetwork, url: string, accept: string, maxBytes: number): Promise<OpenedUrl> {
  const guard = { ...network.guard, policy: { ...network.guard.policy, allowHttp: true } }
  let next = parsed(url)
  for (let hop = 0; hop <= PREVIEW_REDIRECTS; hop += 1) {
    if (isDenied(next.hostname, network.deniedHosts)) throw new OutboundError('blocked', 'the operator does not want this host to be asked')
    const response = await guardedFetch(guard, { url: next.href, headers: { accept }, timeoutMs: PREVIEW_TIMEOUT_MS, maxBytes })
    const location = REDIRECTS.includes(response.status) ? response.headers.get('location') : null
    if (location === null) {
      if (response.status === 200) return { url: next, response }
      response.body.cancel()
      throw new OutboundError('invalid', `status ${response.status}`)
    }
    response.body.cancel()
    next = parsed(location, next)
  }
  throw new OutboundError('redirected', `more than ${PREVIEW_REDIRECTS} redirects`)
}

function parsed(text: string, base?: URL): URL {
  const url = URL.parse(text, base)
  if (url === null) throw new OutboundError('blocked', 'not a URL')
  url.hash = ''
  return url
}

function isDenied(hostname: string, denied: readonly string[]): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '')
  return denied.some((entry) => host === entry || host.endsWith(`.${entry}`))
}
