import { describe, expect, it } from 'vitest'
import { matchesRegistered, type RedirectRules, redirectUriProblem } from '../../../../src/domain/oauth/redirect-uri.ts'

const rules = (change: Partial<RedirectRules> = {}): RedirectRules => ({
  applicationType: 'native',
  clientHost: 'example.com',
  development: false,
  ...change,
})

describe('a redirect URI of a web client (A6)', () => {
  const problem = (uri: string) => redirectUriProblem(uri, rules({ applicationType: 'web' }))

  it.each(['https://example.com/callback', 'https://app.example.com/callback', 'https://example.com:5173/?query=value'])(
    '%s is fine',
    (uri) => {
      expect(problem(uri)).toBeUndefined()
    },
  )

  it.each([
    'https://example.com/callback#fragment',
    'https://example.com/callback#',
    'http://example.com/callback',
    'http://localhost/',
    'https://localhost/callback',
    'https://other.example/callback',
    'https://notexample.com/callback',
    'https://example.com.evil.example/callback',
    'https://user@example.com/callback',
    'https://user:password@example.com/callback',
    'https:example.com/callback',
    'https:/example.com/callback',
    'https:///example.com/callback',
    'https://example.com\\@evil.example/',
    'https://example.com/\r\nSet-Cookie: a=b',
    'https://example.com/ space',
    'https://exämple.com/',
    'javascript:alert(1)',
    'data:text/html,hello',
    'com.example:/callback',
    '//example.com/callback',
    '/callback',
    '',
    `https://example.com/${'a'.repeat(3_000)}`,
  ])('%s is refused', (uri) => {
    expect(problem(uri)).toEqual(expect.any(String))
  })
})

describe('a redirect URI of a native client (A6)', () => {
  const problem = (uri: string) => redirectUriProblem(uri, rules())

  it.each([
    'com.example.app:/callback',
    'com.example:/',
    'com.example:callback',
    'http://localhost/callback',
    'http://127.0.0.1/callback',
    'http://[::1]/callback',
    'https://example.com/app',
  ])('%s is fine', (uri) => {
    expect(problem(uri)).toBeUndefined()
  })

  it.each([
    'example:/callback',
    'com.example.app://callback',
    'com.examples:/callback',
    'COM.EXAMPLE:/callback',
    'https://localhost/callback',
    'http://localhost:1234/callback',
    'http://localhost:80/callback',
    'http://localhost.example.com/callback',
    'http://127.0.0.2/callback',
    'http://2130706433/callback',
    'http://user@localhost/callback',
    'http://example.com/callback',
    'javascript:alert(1)',
    'intent:/callback',
    'com.example:/callback#fragment',
  ])('%s is refused', (uri) => {
    expect(problem(uri)).toEqual(expect.any(String))
  })
})

it('clients of a server on plain HTTP may be on plain HTTP on the same machine', () => {
  const development = rules({ applicationType: 'web', clientHost: 'localhost', development: true })
  expect(redirectUriProblem('http://localhost:8080/callback', development)).toBeUndefined()
  expect(redirectUriProblem('http://elsewhere.example/callback', development)).toEqual(expect.any(String))
  expect(redirectUriProblem('javascript:alert(1)', development)).toEqual(expect.any(String))
})

describe('the redirect URI of a request (A6)', () => {
  it('is one that is registered, character by character', () => {
    const registered = ['https://example.com/callback']
    expect(matchesRegistered('https://example.com/callback', registered, 'web')).toBe(true)
    for (const other of [
      'https://example.com/callback/',
      'https://example.com/callback?a=b',
      'https://example.com/',
      'HTTPS://example.com/callback',
    ]) {
      expect(matchesRegistered(other, registered, 'web')).toBe(false)
    }
  })

  it('may have any port on the loopback interface, for native clients', () => {
    const registered = ['http://127.0.0.1/callback', 'http://[::1]/callback']
    expect(matchesRegistered('http://127.0.0.1:40123/callback', registered, 'native')).toBe(true)
    expect(matchesRegistered('http://[::1]:1/callback', registered, 'native')).toBe(true)
    for (const other of [
      'http://localhost:40123/callback',
      'http://127.0.0.1:40123/other',
      'http://127.0.0.1:40123@evil.example/callback',
      'http://127.0.0.1:40123.evil.example/callback',
      'http://127.0.0.1:99999/callback',
      'http://127.0.0.1.evil.example/callback',
    ]) {
      expect(matchesRegistered(other, registered, 'native')).toBe(false)
    }
    expect(matchesRegistered('http://127.0.0.1:40123/callback', registered, 'web')).toBe(false)
  })
})
