import { expect, it } from 'vitest'
import { clientAddress } from '../../../src/runtime/client-address.ts'
import { type Config, parseConfig } from '../../../src/runtime/config.ts'

const secrets = { MYELIN_SECRET: 'A'.repeat(43), MYELIN_SIGNING_KEY: `ed25519 a_test ${'A'.repeat(43)}`, MYELIN_CONTROL_TOKEN: 'token' }
const config = (source: string): Config => parseConfig({ ...secrets, MYELIN_CLIENT_ADDRESS: source })
const from = (headers: Record<string, string>, source: string) =>
  clientAddress(new Request('http://a.example/', { headers }), config(source))

it('believes the listener that knows the token of this start', () => {
  for (const source of ['none', 'x-forwarded-for', 'cf-connecting-ip']) {
    expect(from({ 'x-myelin-client-address': 'token 192.0.2.1', 'x-forwarded-for': '6.6.6.6' }, source)).toBe('192.0.2.1')
  }
})

it('does not believe anybody else who claims to be that listener', () => {
  for (const value of ['192.0.2.1', 'wrong 192.0.2.1', ' 192.0.2.1', 'toke 192.0.2.1', 'token']) {
    expect(from({ 'x-myelin-client-address': value }, 'none')).toBeUndefined()
  }
})

it('believes a header only where the configuration says who sets it', () => {
  const headers = { 'x-forwarded-for': '6.6.6.6, 192.0.2.2', 'cf-connecting-ip': '192.0.2.3' }
  expect(from(headers, 'none')).toBeUndefined()
  expect(from(headers, 'x-forwarded-for')).toBe('192.0.2.2')
  expect(from(headers, 'cf-connecting-ip')).toBe('192.0.2.3')
  expect(from({}, 'x-forwarded-for')).toBeUndefined()
})
