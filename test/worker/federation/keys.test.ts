import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { createOutbound, type Outbound } from '../../../src/federation/outbound/outbound.ts'
import { encodeBase64 } from '../../../src/matrix/base64.ts'
import { isJsonObject, type JsonObject } from '../../../src/matrix/json.ts'
import { createSigner, signJson } from '../../../src/matrix/signing.ts'
import { type Config, configOf } from '../../../src/runtime/config.ts'
import { openRegistry } from '../../../src/storage/d1/open.ts'
import { loadServerKeyResponses, loadServerKeys } from '../../../src/storage/d1/server-keys.ts'
import { HostileInternet } from '../../support/hostile-internet.ts'
import { bodyOf, HostileServer } from '../../support/hostile-server.ts'

const DAY_MS = 86_400_000
const registry = openRegistry(env, undefined)
const clock = { now: 1_700_000_000_000 }
const KEYS = /\/_matrix\/key\/v2\/server/
const QUERY = /\/_matrix\/key\/v2\/query/
let names = 0
let internet: HostileInternet
let peer: HostileServer
let notary: HostileServer

beforeEach(() => {
  names += 1
  internet = new HostileInternet()
  peer = new HostileServer(`keys${names}.example`, 1, () => clock.now)
  notary = new HostileServer(`notary${names}.example`, 3, () => clock.now)
  internet.server(peer).server(notary)
})

/** Another isolate: nothing in memory, the same registry. */
function isolate(config: Partial<Config> = {}): Outbound {
  return createOutbound({
    config: { ...configOf(env), ...config },
    network: internet.network,
    resolver: internet.resolver,
    now: () => clock.now,
    fraction: () => 0,
  })
}

const requestKey = ({ keys }: Outbound, keyId = 'ed25519:a_hostile') => keys.requestKey(registry, peer.serverName, keyId)
async function eventKey({ keys }: Outbound, keyId: string, minimumValidUntilTs: number) {
  const lookup = await keys.eventKeys(registry, [{ serverName: peer.serverName, keyId, minimumValidUntilTs }])
  return lookup(peer.serverName, keyId)
}

describe('keys of other servers', () => {
  it('are asked for once, then come from memory, then from the registry', async () => {
    const first = isolate()
    for (let n = 0; n < 5; n += 1) expect(await requestKey(first)).toEqual(peer.publicKey)
    expect(await requestKey(isolate())).toEqual(peer.publicKey)
    expect(peer.asked(KEYS)).toBe(1)
  })

  it('are asked for again when they have run out, and no longer believed if that fails (F5)', async () => {
    const known = isolate()
    await requestKey(known)
    clock.now += DAY_MS + 1
    expect(await requestKey(known)).toEqual(peer.publicKey)
    expect(peer.asked(KEYS)).toBe(2)
    clock.now += DAY_MS + 1
    internet.remove(`${peer.serverName}:8448`)
    expect(await requestKey(known)).toBeUndefined()
    expect(await requestKey(isolate())).toBeUndefined()
    // Events sent while they were valid can still be checked.
    expect(await eventKey(known, 'ed25519:a_hostile', clock.now - 2 * DAY_MS)).toMatchObject({ publicKey: peer.publicKey })
  })

  it('count for seven days at most, whatever their server says (F5)', async () => {
    peer.on('GET', KEYS, () => Response.json(peer.keyDocument({ validUntilTs: 253_402_300_799_000 })))
    const known = isolate()
    await requestKey(known)
    internet.remove(`${peer.serverName}:8448`)
    clock.now += 7 * DAY_MS
    expect(await requestKey(known)).toEqual(peer.publicKey)
    clock.now += 1
    expect(await requestKey(known)).toBeUndefined()
  })

  it('that have been retired are good for events before their end, never for requests (F5)', async () => {
    const old = new HostileServer(peer.serverName, 5)
    const end = clock.now - DAY_MS
    peer.on('GET', KEYS, () =>
      Response.json(peer.keyDocument({ oldVerifyKeys: { 'ed25519:old': { key: encodeBase64(old.publicKey), expired_ts: end } } })),
    )
    const known = isolate()
    expect(await requestKey(known, 'ed25519:old')).toBeUndefined()
    expect(await eventKey(known, 'ed25519:old', end)).toEqual({ publicKey: old.publicKey, validUntilTs: end })
    clock.now += 2 * 60_000
    await eventKey(known, 'ed25519:old', clock.now)
    expect(peer.asked(KEYS)).toBe(1)
  })

  it('are asked for again for an event that they do not cover, once (F6)', async () => {
    const known = isolate()
    await requestKey(known)
    clock.now += 2 * 60_000
    const later = clock.now + 3 * DAY_MS
    expect((await eventKey(known, 'ed25519:a_hostile', later))?.validUntilTs).toBe(clock.now + DAY_MS)
    expect(peer.asked(KEYS)).toBe(2)
    await eventKey(known, 'ed25519:a_hostile', later)
    expect(peer.asked(KEYS)).toBe(2)
    clock.now += 2 * DAY_MS
    expect((await eventKey(known, 'ed25519:a_hostile', later))?.validUntilTs).toBe(later)
  })

  it('that are known to have leaked count for nothing (F7)', async () => {
    const wary = isolate({ deniedKeys: new Set([encodeBase64(peer.publicKey)]) })
    expect(await requestKey(wary)).toBeUndefined()
    expect(await eventKey(wary, 'ed25519:a_hostile', 0)).toBeUndefined()
  })

  it('of ourselves need nobody to be asked', async () => {
    const own = isolate({ oldSigningKeys: [{ keyId: 'ed25519:before', publicKey: encodeBase64(peer.publicKey), expiredTs: 5 }] })
    const { serverName } = configOf(env)
    const lookup = await own.keys.eventKeys(
      registry,
      ['ed25519:a_test', 'ed25519:before', 'ed25519:none'].map((keyId) => ({ serverName, keyId, minimumValidUntilTs: clock.now })),
    )
    expect(lookup(serverName, 'ed25519:none')).toBeUndefined()
    expect(lookup(serverName, 'ed25519:a_test')?.publicKey).toHaveLength(32)
    expect(lookup(serverName, 'ed25519:before')).toEqual({ publicKey: peer.publicKey, validUntilTs: 5 })
    expect(internet.asked).toEqual([])
  })
})

describe('whoever makes up names of keys and servers (F19)', () => {
  it('makes us ask a server once a minute, and the registry every few seconds', async () => {
    const known = isolate()
    for (let n = 0; n < 50; n += 1) expect(await requestKey(known, `ed25519:made_up_${n}`)).toBeUndefined()
    expect(peer.asked(KEYS)).toBe(1)
    clock.now += 60_000
    for (let n = 0; n < 50; n += 1) await requestKey(known, `ed25519:made_up_${n}`)
    expect(peer.asked(KEYS)).toBe(2)
  })

  it('makes us ask a server that fails less and less often', async () => {
    internet.remove(`${peer.serverName}:8448`)
    const known = isolate()
    for (let minute = 0; minute < 60; minute += 1) {
      await requestKey(known)
      clock.now += 60_000
    }
    // After 1, 2, 4, 8, 16 and 32 minutes.
    expect(internet.asked.filter((url) => url.includes(`${peer.serverName}:8448`))).toHaveLength(6)
  })

  it('does not get an answer of a server believed that lies', async () => {
    const stranger = createSigner(peer.serverName, 'ed25519:a_hostile', new Uint8Array(32).fill(7))
    for (const lie of [{ signer: stranger }, { signer: null }, { serverName: 'other.example' }, { verifyKeys: {} }]) {
      const liar = new HostileServer(`liar${Object.keys(lie)[0]}${names}.example`, 1, () => clock.now)
      liar.on('GET', KEYS, () => Response.json(liar.keyDocument(lie)))
      internet.server(liar)
      expect(await isolate().keys.requestKey(registry, liar.serverName, 'ed25519:a_hostile')).toBeUndefined()
      expect(await loadServerKeys(registry, [liar.serverName])).toEqual([])
    }
  })
})

describe('a notary that the operator trusts', () => {
  const withNotary = () => isolate({ notaries: [notary.serverName] })
  /** Lets the notary answer with a document about the peer. */
  const tells = (document: JsonObject, signer = notary.signer) =>
    notary.on('POST', QUERY, () => Response.json({ server_keys: [signJson(document, signer)] }))

  it('is asked when the server itself cannot be, and for no longer than that', async () => {
    internet.remove(`${peer.serverName}:8448`)
    tells(peer.keyDocument())
    const known = withNotary()
    expect(await requestKey(known)).toEqual(peer.publicKey)
    expect(notary.requests.filter(({ path }) => QUERY.test(path)).map(bodyOf)).toEqual([
      { server_keys: { [peer.serverName]: { '': { minimum_valid_until_ts: clock.now } } } },
    ])
    // What a notary has told is not handed on under our name.
    expect(await loadServerKeyResponses(registry, [peer.serverName])).toEqual([])
  })

  it.each<[string, () => unknown]>([
    ['has not signed', () => notary.on('POST', QUERY, () => Response.json({ server_keys: [peer.keyDocument()] }))],
    [
      'has signed with a key that is not its own',
      () => tells(peer.keyDocument(), createSigner(notary.serverName, 'ed25519:a_hostile', new Uint8Array(32).fill(8))),
    ],
    ['tells about a server that has not signed', () => tells(peer.keyDocument({ signer: null }))],
    ['tells about another server', () => tells(peer.keyDocument({ serverName: 'other.example' }))],
    ['tells nothing', () => notary.on('POST', QUERY, () => Response.json({ server_keys: [] }))],
    ['tells nonsense', () => notary.on('POST', QUERY, () => Response.json({ server_keys: [5, null, {}] }))],
  ])('is not believed when it %s', async (_, script) => {
    internet.remove(`${peer.serverName}:8448`)
    script()
    expect(await requestKey(withNotary())).toBeUndefined()
  })

  it('cannot exchange a key that its owner has shown', async () => {
    await requestKey(isolate())
    internet.remove(`${peer.serverName}:8448`)
    const impostor = new HostileServer(peer.serverName, 6, () => clock.now)
    tells(impostor.keyDocument())
    clock.now += DAY_MS + 1
    const known = withNotary()
    await requestKey(known)
    const keys = await loadServerKeys(registry, [peer.serverName])
    expect(keys.map(({ publicKey, via }) => [publicKey, via])).toEqual([[encodeBase64(peer.publicKey), '']])
  })

  it('does not wait for another notary that waits for it', async () => {
    const other = new HostileServer(`other-notary${names}.example`, 4)
    internet.remove(`${peer.serverName}:8448`).remove(`${notary.serverName}:8448`)
    expect(await requestKey(isolate({ notaries: [notary.serverName, other.serverName] }))).toBeUndefined()
  })
})

describe('a room of many servers', () => {
  const manyServers = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, n) => new HostileServer(`${prefix}${names}-${n}.example`, n % 200, () => clock.now))
  const questionsOf = (servers: readonly HostileServer[]) =>
    servers.map(({ serverName }) => ({ serverName, keyId: 'ed25519:a_hostile', minimumValidUntilTs: clock.now }))

  it('is looked up whole, also beyond what is remembered', async () => {
    const servers = manyServers('large', 2_500)
    for (const server of servers) internet.server(server)
    const known = isolate()
    const lookup = await known.keys.eventKeys(registry, questionsOf(servers))
    expect(servers.filter(({ serverName, publicKey }) => !isSame(lookup(serverName, 'ed25519:a_hostile')?.publicKey, publicKey))).toEqual(
      [],
    )
    const again = await isolate().keys.eventKeys(registry, questionsOf(servers))
    expect(servers.every(({ serverName }) => again(serverName, 'ed25519:a_hostile') !== undefined)).toBe(true)
    expect(new Set(servers.map((server) => server.asked(KEYS)))).toEqual(new Set([1]))
  })

  it('whose servers are gone costs a notary a few questions, and only the rest are asked themselves', async () => {
    const servers = manyServers('gone', 250)
    const told = new Map(servers.slice(0, 240).map((server) => [server.serverName, server]))
    notary.on('POST', QUERY, (request) => {
      const asked = Object.keys(bodyOf(request).server_keys as object)
      return Response.json({
        server_keys: asked.flatMap((name) => (told.has(name) ? [signJson(told.get(name)?.keyDocument() ?? {}, notary.signer)] : [])),
      })
    })
    const lookup = await isolate({ notaries: [notary.serverName] }).keys.eventKeys(registry, questionsOf(servers))
    expect(servers.filter(({ serverName }) => lookup(serverName, 'ed25519:a_hostile') !== undefined)).toHaveLength(240)
    expect(new Set(internet.asked.filter((url) => url.includes(':8448/_matrix/key/v2/server') && url.includes('gone'))).size).toBe(10)
    // Three of a hundred, and one more for each that cannot be asked itself.
    expect(notary.asked(QUERY)).toBe(13)
  })
})

it('asks many servers in one go, each once', async () => {
  const servers = Array.from({ length: 40 }, (_, n) => new HostileServer(`many${names}-${n}.example`, n, () => clock.now))
  for (const server of servers) internet.server(server)
  const questions = servers.flatMap(({ serverName }) =>
    [1, 2, 3].map((n) => ({ serverName, keyId: n === 1 ? 'ed25519:a_hostile' : `ed25519:${n}`, minimumValidUntilTs: clock.now })),
  )
  const lookup = await isolate().keys.eventKeys(registry, questions)
  expect(servers.every(({ serverName, publicKey }) => isSame(lookup(serverName, 'ed25519:a_hostile')?.publicKey, publicKey))).toBe(true)
  expect(servers.map((server) => server.asked(KEYS))).toEqual(servers.map(() => 1))
  expect(isJsonObject(servers[0]?.keyDocument())).toBe(true)
})

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && encodeBase64(a) === encodeBase64(b)
}
