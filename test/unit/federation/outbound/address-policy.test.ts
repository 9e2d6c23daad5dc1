import { describe, expect, it } from 'vitest'
import { checkEndpoint, checkOutboundUrl, isPublicAddress } from '../../../../src/federation/outbound/address-policy.ts'

const CLOSED = { allowPrivateNetwork: false }
const OPEN = { allowPrivateNetwork: true }

describe('URLs that others name (M6)', () => {
  it.each([
    'http://example.org/',
    'ftp://example.org/',
    'file:///etc/passwd',
    'https://user@example.org/',
    'https://user:secret@example.org/',
    'https://:secret@example.org/',
    'https://example.org:22/',
    'https://example.org:25/',
    'https://example.org:0/',
    'https://',
    '//example.org/',
    'example.org',
  ])('%s is not asked, wherever it leads', (url) => {
    expect(() => checkOutboundUrl(url, OPEN)).toThrow('not connecting')
  })

  it.each([
    // One address in every notation that a URL may use.
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.1.',
    '１２７.0.0.1',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
    '[::]',
    '0.0.0.0',
    '0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '[fe80::1]',
    '[fc00::1]',
    '[fd12:3456::1]',
    '[ff02::1]',
    '[2001:db8::1]',
    '[64:ff9b:1::a00:1]',
    '[100::1]',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'printer.local',
    'metadata.google.internal',
    'router.home.arpa',
  ])('%s is private: asked only where the operator allows it', (host) => {
    expect(() => checkOutboundUrl(`https://${host}:8448/`, CLOSED)).toThrow('not public')
    expect(checkOutboundUrl(`https://${host}:8448/`, OPEN).protocol).toBe('https:')
  })

  it.each([
    'example.org',
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.0.1',
    '172.32.0.1',
    '192.0.1.1',
    '193.0.0.1',
    '223.255.255.255',
    '[2606:4700:4700::1111]',
    '[64:ff9b::101:101]',
    '[2002:101:101::]',
    '[::ffff:1.1.1.1]',
    'localhost.example.org',
    'xn--bcher-kva.example',
  ])('%s is public', (host) => {
    expect(checkOutboundUrl(`https://${host}/`, CLOSED).port).toBe('')
  })
})

it('bounds ports of connections too', () => {
  for (const port of [0, -1, 1.5, 65_536, Number.NaN, 6000]) expect(() => checkEndpoint('example.org', port, OPEN)).toThrow('port')
  for (const port of [443, 8448, 65_535, 4443]) expect(() => checkEndpoint('example.org', port, CLOSED)).not.toThrow()
})

it('knows nothing public about what is no address', () => {
  expect(isPublicAddress('example.org')).toBe(false)
  expect(isPublicAddress('1.1.1.1')).toBe(true)
  expect(isPublicAddress('2606:4700::1')).toBe(true)
})
