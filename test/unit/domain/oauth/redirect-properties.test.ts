import fc from 'fast-check'
import { expect, it } from 'vitest'
import { matchesRegistered, redirectUriProblem } from '../../../../src/domain/oauth/redirect-uri.ts'
import { safeContinue } from '../../../../src/web/continue.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../../support/property-runs.ts'

const RULES = { clientHost: 'example.com', development: false } as const
/** Texts made of what addresses are made of. */
const piece = fc.constantFrom(
  ...['http', 'https', 'com.example', 'javascript', 'data', ':', '/', '//', '\\', '@', '#', '?', '.', '%2f', '%00', '\t', '\n', ' '],
  ...['example.com', 'evil.example', 'localhost', '127.0.0.1', '[::1]', ':80', ':8080', '/account', 'a', 'Ü', ';', '<', '"'],
)
const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))

const runs = { timeout: PROPERTY_TIMEOUT_MS }

it('whatever is registered leads to the client’s own host, its own scheme or the user’s own machine (A6)', runs, () => {
  fc.assert(
    fc.property(text, fc.constantFrom('web' as const, 'native' as const), (uri, applicationType) => {
      if (redirectUriProblem(uri, { ...RULES, applicationType }) !== undefined) return
      // As a browser understands it where it is the target of a redirect.
      const url = new URL(uri, 'https://server.example/oauth2/authorize')
      const own = url.protocol === 'https:' && (url.hostname === 'example.com' || url.hostname.endsWith('.example.com'))
      const scheme = /^com\.example(?:\.[a-z0-9.+-]*)?:$/.test(url.protocol) && url.host === ''
      const loopback = url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
      expect(own || (applicationType === 'native' && (scheme || loopback))).toBe(true)
      expect(url.username + url.password + url.hash).toBe('')
      expect(uri).not.toMatch(/[\s\\<>"#]/)
    }),
    { numRuns: propertyRuns(2_000) },
  )
})

it('what matches a registered loopback address is on the same host (A6)', runs, () => {
  fc.assert(
    fc.property(text, (rest) => {
      const uri = `http://127.0.0.1${rest}`
      if (!matchesRegistered(uri, ['http://127.0.0.1/cb'], 'native')) return
      const url = new URL(uri)
      expect([url.hostname, url.pathname, url.search, url.username]).toEqual(['127.0.0.1', '/cb', '', ''])
    }),
    { numRuns: propertyRuns(2_000) },
  )
})

it('a login leads to a page of this server, whatever it is asked for (A9)', runs, () => {
  fc.assert(
    fc.property(text, (next) => {
      const url = new URL(safeContinue(next), 'https://server.example/account/login')
      expect(url.origin).toBe('https://server.example')
      expect(['/account', '/oauth2/authorize', '/oauth2/link']).toContain(url.pathname)
    }),
    { numRuns: propertyRuns(2_000) },
  )
})
