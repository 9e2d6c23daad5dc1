import { describe, expect, it } from 'vitest'
import { safeContinue } from '../../../src/web/continue.ts'

describe('where a login leads (A9)', () => {
  it.each([
    '/account',
    '/account?action=org.matrix.device_view&device_id=A%20B',
    '/oauth2/authorize?client_id=x&state=%26',
    '/oauth2/link?code=ABCD-EFGH',
  ])('%s is a page of this server', (path) => {
    expect(safeContinue(path)).toBe(path)
  })

  it.each([
    undefined,
    null,
    '',
    'https://evil.example/account',
    '//evil.example/account',
    '/\\evil.example/account',
    '\\\\evil.example/account',
    '/\t/evil.example/account',
    'javascript:alert(1)',
    '/_matrix/client/v3/login',
    '/account/logout',
    '/oauth2/token',
    'http://[',
    `/account?${'x'.repeat(10_000)}`,
  ])('%s is not, and the account page is shown', (path) => {
    expect(safeContinue(path)).toBe('/account')
  })
})
