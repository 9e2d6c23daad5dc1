import { describe, expect, it } from 'vitest'
import { Discovery } from '../../../../src/federation/outbound/discovery/discovery.ts'
import { parseDnsJson } from '../../../../src/federation/outbound/discovery/doh-resolver.ts'
import { orderRecords } from '../../../../src/federation/outbound/discovery/srv-lookup.ts'
import { parseDelegation } from '../../../../src/federation/outbound/discovery/well-known.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { flood } from '../../../support/hostile-server.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const DIRECT = { connectTo: [] }

function world() {
  const internet = new HostileInternet()
  const clock = { now: 1_700_000_000_000 }
  const guard = { network: internet.network, policy: { allowPrivateNetwork: false } }
  const discovery = new Discovery(
    guard,
    internet.resolver,
    () => clock.now,
    () => 0,
  )
  /** Makes a host delegate, and answers how often it was asked. */
  const delegate = (host: string, server: unknown, headers: Record<string, string> = {}) =>
    internet.host(`${host}:443`, () => Response.json({ 'm.server': server }, { headers }))
  const wellKnowns = () => internet.asked.filter((url) => url.includes('/.well-known/')).length
  return { internet, clock, discovery, delegate, wellKnowns }
}

describe('server discovery (server-server-api#resolving-server-names)', () => {
  it.each([
    ['1.1.1.1', 'https://1.1.1.1:8448'],
    ['1.1.1.1:1234', 'https://1.1.1.1:1234'],
    ['[2606:4700::1]', 'https://[2606:4700::1]:8448'],
    ['[2606:4700::1]:1234', 'https://[2606:4700::1]:1234'],
    ['example.org:1234', 'https://example.org:1234'],
  ])('steps 1 and 2: %s says everything itself', async (name, baseUrl) => {
    const { discovery, internet } = world()
    expect(await discovery.find(name)).toEqual({ baseUrl, ...DIRECT })
    expect([...internet.asked, ...internet.resolved]).toEqual([])
  })

  it.each([
    ['1.1.1.1', 'https://1.1.1.1:8448'],
    ['[2606:4700::1]:99', 'https://[2606:4700::1]:99'],
    ['matrix.example.org:443', 'https://matrix.example.org:443'],
    ['matrix.example.org', 'https://matrix.example.org:8448'],
  ])('step 3: delegation to %s', async (delegated, baseUrl) => {
    const { discovery, delegate } = world()
    delegate('example.org', delegated)
    expect(await discovery.find('example.org')).toEqual({ baseUrl, ...DIRECT })
  })

  it('steps 3.3 and 3.4: service records of the delegated host, the current name before the deprecated one', async () => {
    const { discovery, delegate, internet } = world()
    delegate('example.org', 'd.example.org')
    internet.service('_matrix._tcp.d.example.org', { priority: 1, weight: 1, port: 1, target: 'old.example.org' })
    expect(await discovery.find('example.org')).toEqual({
      baseUrl: 'https://d.example.org',
      connectTo: [{ hostname: 'old.example.org', port: 1 }],
    })
    const other = world()
    other.delegate('example.org', 'd.example.org')
    other.internet
      .service('_matrix-fed._tcp.d.example.org', { priority: 1, weight: 1, port: 2, target: 'new.example.org.' })
      .service('_matrix._tcp.d.example.org', { priority: 1, weight: 1, port: 1, target: 'old.example.org' })
    expect((await other.discovery.find('example.org')).connectTo).toEqual([{ hostname: 'new.example.org', port: 2 }])
  })

  it.each([
    ['an error status', () => new Response('', { status: 404 })],
    ['HTML', () => new Response('<!DOCTYPE html>')],
    ['no server', () => Response.json({})],
    ['a server that is no server name', () => Response.json({ 'm.server': 'https://example.org/' })],
    ['a number', () => Response.json({ 'm.server': 5 })],
    ['more than 10 MiB', () => flood()],
    ['a redirect loop', () => new Response(null, { status: 302, headers: { location: '/.well-known/matrix/server' } })],
    ['a redirect into our network', () => new Response(null, { status: 302, headers: { location: 'https://127.0.0.1/' } })],
  ])('steps 4 to 6: %s at the well-known is as good as none (F17)', async (_, answer) => {
    const { discovery, internet } = world()
    internet.host('example.org:443', answer)
    expect(await discovery.find('example.org')).toEqual({ baseUrl: 'https://example.org:8448', ...DIRECT })
    internet.service('_matrix-fed._tcp.example.org', { priority: 1, weight: 1, port: 2, target: 'new.example.org' })
    const later = new Discovery(
      { network: internet.network, policy: { allowPrivateNetwork: false } },
      internet.resolver,
      () => 0,
      () => 0,
    )
    expect(await later.find('example.org')).toEqual({
      baseUrl: 'https://example.org',
      connectTo: [{ hostname: 'new.example.org', port: 2 }],
    })
  })

  it('does not follow delegation of delegation', async () => {
    const { discovery, delegate } = world()
    delegate('example.org', 'd.example.org')
    delegate('d.example.org', 'e.example.org')
    expect((await discovery.find('example.org')).baseUrl).toBe('https://d.example.org:8448')
  })

  it('follows redirects of the well-known', async () => {
    const { discovery, delegate, internet } = world()
    internet.host(
      'example.org:443',
      () => new Response(null, { status: 301, headers: { location: 'https://www.example.org/.well-known/matrix/server' } }),
    )
    delegate('www.example.org', 'm.example.org:443')
    expect((await discovery.find('example.org')).baseUrl).toBe('https://m.example.org:443')
  })

  it('gives up on a host that says it offers no such service', async () => {
    const { discovery, internet } = world()
    internet.service('_matrix-fed._tcp.example.org', { priority: 0, weight: 0, port: 0, target: '.' })
    await expect(discovery.find('example.org')).rejects.toMatchObject({ failure: 'unreachable' })
  })

  it.each(['', 'a b', 'example.org/x', '@u:example.org', 'example.org:123456', '[::1'])(
    'refuses %j, which is no server name',
    async (name) => {
      await expect(world().discovery.find(name)).rejects.toMatchObject({ failure: 'blocked' })
    },
  )
})

describe('what is remembered of the well-known (F17)', () => {
  it.each([
    ['nothing said', {}, 24 * HOUR_MS],
    ['an hour', { 'cache-control': 'public, max-age=3600' }, HOUR_MS],
    ['a year', { 'cache-control': 'max-age=31536000' }, 48 * HOUR_MS],
    ['a second', { 'cache-control': 'max-age=1' }, 5 * MINUTE_MS],
    ['not to be stored', { 'cache-control': 'no-store' }, 5 * MINUTE_MS],
    ['nonsense', { 'cache-control': 'max-age=-5, max-age=x' }, 24 * HOUR_MS],
    ['an absurd number', { 'cache-control': `max-age=${'9'.repeat(400)}` }, 24 * HOUR_MS],
    ['a date', { expires: new Date(1_700_000_000_000 + 2 * HOUR_MS).toUTCString() }, 2 * HOUR_MS],
    ['a date that is none', { expires: '0' }, 5 * MINUTE_MS],
  ])('%s: for so long and no longer', async (_, headers, lifetimeMs) => {
    const { discovery, delegate, clock, wellKnowns } = world()
    delegate('example.org', 'm.example.org:443', headers)
    await discovery.find('example.org')
    clock.now += lifetimeMs - 1
    await discovery.find('example.org')
    expect(wellKnowns()).toBe(1)
    clock.now += 1
    await discovery.find('EXAMPLE.org')
    expect(wellKnowns()).toBe(2)
  })

  it('failures: with growing pauses, at most an hour', async () => {
    const { discovery, clock, wellKnowns } = world()
    for (const pauseMs of [1, 2, 4, 8, 16, 32, 60, 60, 60].map((minutes) => minutes * MINUTE_MS)) {
      await discovery.find('example.org')
      const before = wellKnowns()
      clock.now += pauseMs - 1
      await discovery.find('example.org')
      expect(wellKnowns()).toBe(before)
      clock.now += 1
    }
  })

  it('a delegation outlives an outage of the host, but not for longer than two days, and not a refusal', async () => {
    const { discovery, delegate, internet, clock } = world()
    delegate('example.org', 'm.example.org:443', { 'cache-control': 'max-age=3600' })
    await discovery.find('example.org')
    internet.remove('example.org:443')
    clock.now += 2 * HOUR_MS
    expect((await discovery.find('example.org')).baseUrl).toBe('https://m.example.org:443')
    clock.now += 48 * HOUR_MS
    expect((await discovery.find('example.org')).baseUrl).toBe('https://example.org:8448')
    const other = world()
    other.delegate('example.org', 'm.example.org:443', { 'cache-control': 'max-age=3600' })
    await other.discovery.find('example.org')
    other.internet.host('example.org:443', () => new Response('', { status: 404 }))
    other.clock.now += 2 * HOUR_MS
    expect((await other.discovery.find('example.org')).baseUrl).toBe('https://example.org:8448')
  })

  it('many who ask at once ask once', async () => {
    const { discovery, delegate, wellKnowns } = world()
    delegate('example.org', 'm.example.org:443')
    await Promise.all(Array.from({ length: 50 }, () => discovery.find('example.org')))
    expect(wellKnowns()).toBe(1)
  })
})

describe('service records', () => {
  it('are tried by priority, and by weight among equals (RFC 2782)', () => {
    const record = (priority: number, weight: number, port: number) => ({ priority, weight, port, target: 'x' })
    const records = [record(20, 1, 1), record(10, 0, 2), record(10, 60, 3), record(10, 40, 4)]
    expect(orderRecords(records, () => 0.999).map(({ port }) => port)).toEqual([4, 3, 2, 1])
    expect(orderRecords(records, () => 0.3).map(({ port }) => port)).toEqual([3, 4, 2, 1])
    expect(orderRecords([], () => 0)).toEqual([])
  })

  it('are read from DNS over HTTPS', () => {
    const answer = {
      Status: 0,
      Answer: [
        { type: 33, data: '10 5 8443 m.example.org.' },
        { type: 5, data: 'x.' },
        { type: 33, data: 'nonsense' },
      ],
    }
    expect(parseDnsJson(JSON.stringify(answer))).toEqual([{ priority: 10, weight: 5, port: 8443, target: 'm.example.org.' }])
    expect(parseDnsJson('{"Status":3}')).toEqual([])
    expect(() => parseDnsJson('{"Status":2}')).toThrow('could not answer')
    expect(() => parseDnsJson('[]')).toThrow('something else')
  })
})

it('reads of a delegation only what it must', () => {
  expect(parseDelegation('{"m.server":"a.example:443","other":1.5}')).toBe('a.example:443')
  for (const text of ['', 'null', '[]', '{"m.server":null}', '{"m.server":"a b"}', '{"m.server":"a","m.server":"b"}']) {
    expect(parseDelegation(text)).toBeUndefined()
  }
})
