import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { DeviceObserver } from '../../../support/device-observer.ts'
import { eventually } from '../../../support/federation-pair.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { type HostileWorld, type SharedRoom, shareRoom, startHostileWorld } from '../../../support/hostile-world.ts'
import { crossSigningKeys, deviceKeysOf } from '../../../support/made-keys.ts'
import { PeerDevices } from '../../../support/peer-devices.ts'

const QUERY = /\/v1\/user\/keys\/query$/
let world: HostileWorld
let peer: HostilePeer
let devices: PeerDevices
let alice: DeviceObserver
let shared: SharedRoom
let eve: string
let names = 0

beforeAll(async () => {
  world = await startHostileWorld()
}, 120_000)
afterAll(async () => world?.stop())
beforeEach(async () => {
  names += 1
  peer = await world.peer()
  devices = new PeerDevices(peer)
  alice = new DeviceObserver(await world.here.register(`alice${names}`))
  shared = await shareRoom(alice.client, peer, '12')
  eve = shared.eve
  await alice.sync()
})

const tell = async (...edus: JsonObject[]): Promise<void> => {
  expect((await peer.transaction([], edus)).status).toBe(200)
}

describe('what another server answers about keys (D4)', () => {
  it('loses entries of other users and devices, and those whose own signature is broken, and nothing else', async () => {
    const good = devices.add(eve, 'GOOD')
    const other = peer.user('other')
    const broken = { ...deviceKeysOf({ userId: eve, deviceId: 'BROKEN' }), algorithms: ['m.changed'] }
    peer.lie('POST', QUERY, () => ({
      device_keys: {
        [eve]: {
          GOOD: good,
          BROKEN: broken,
          MOVED: deviceKeysOf({ userId: eve, deviceId: 'GOOD' }),
          STOLEN: deviceKeysOf({ userId: other, deviceId: 'STOLEN' }),
          NONSENSE: 'nonsense',
          FLOATING: { ...good, device_id: 'FLOATING', extra: 1.5 },
          UNSIGNED: { ...good, device_id: 'UNSIGNED', signatures: {} },
        },
        [other]: { X: deviceKeysOf({ userId: other, deviceId: 'X' }) },
        [alice.client.userId]: { EVIL: deviceKeysOf({ userId: alice.client.userId, deviceId: 'EVIL' }) },
      },
      master_keys: {
        [eve]: crossSigningKeys(other).body.master_key,
        [alice.client.userId]: crossSigningKeys(alice.client.userId).body.master_key,
      },
      self_signing_keys: { [eve]: crossSigningKeys(eve).body.self_signing_key },
    }))
    const answer = await alice.query(eve, alice.client.userId)
    expect(Object.keys(answer.device_keys).sort()).toEqual([alice.client.userId, eve].sort())
    expect(Object.keys(answer.device_keys[eve] ?? {}).sort()).toEqual(['GOOD', 'UNSIGNED'])
    expect(answer.device_keys[alice.client.userId]).toEqual({})
    // Without a master key there is none that could have signed the other one.
    expect([answer.master_keys, answer.self_signing_keys]).toEqual([{}, {}])
  })

  it('is refused where it is no answer, and the client hears that the server failed (F20)', async () => {
    devices.add(eve, 'GOOD')
    const lies = [
      () => Response.json({ errcode: 'M_UNKNOWN_TOKEN', error: 'log out', soft_logout: false }, { status: 401 }),
      () => Response.json({ errcode: 'M_USER_DEACTIVATED' }, { status: 403 }),
      () => Response.json({ device_keys: 'nonsense' }),
      () => new Response('{', { status: 200 }),
      () => new Response(`{"device_keys":{},"padding":"${'x'.repeat(20 * 1024 * 1024)}"}`),
    ]
    for (const lie of lies) {
      peer.on('POST', /\/v1\/user\/keys\/(query|claim)$/, lie)
      const { failures, device_keys: keys } = await alice.query(eve)
      expect([Object.keys(failures), keys]).toEqual([[peer.serverName], {}])
      expect(JSON.stringify(failures)).not.toMatch(/TOKEN|DEACTIVATED|log out/)
      const claims = { body: { one_time_keys: { [eve]: { GOOD: 'signed_curve25519' } } } }
      const claimed = await alice.client.call<{ failures: object; one_time_keys: object }>('POST', '/v3/keys/claim', claims)
      expect([Object.keys(claimed.failures), claimed.one_time_keys]).toEqual([[peer.serverName], {}])
    }
    await alice.client.call('GET', '/v3/account/whoami')
  })

  it('is not waited for longer than the client wants', async () => {
    peer.on('POST', QUERY, () => new Promise<Response>(() => undefined))
    const body = { timeout: 100, device_keys: { [eve]: [] } }
    const answer = await alice.client.call<{ failures: object }>('POST', '/v3/keys/query', { body })
    expect(Object.keys(answer.failures)).toEqual([peer.serverName])
  })

  it('hands out claimed keys only for what was asked', async () => {
    peer.on('POST', /\/claim$/, () =>
      Response.json({
        one_time_keys: {
          [eve]: { GOOD: { 'signed_curve25519:A': { key: 'a' }, 'other:B': { key: 'b' } }, MORE: { 'signed_curve25519:C': { key: 'c' } } },
          [alice.client.userId]: { X: { 'signed_curve25519:D': { key: 'd' } } },
        },
      }),
    )
    const body = { one_time_keys: { [eve]: { GOOD: 'signed_curve25519' } } }
    const { one_time_keys: keys } = await alice.client.call<{ one_time_keys: object }>('POST', '/v3/keys/claim', { body })
    expect(keys).toEqual({ [eve]: { GOOD: { 'signed_curve25519:A': { key: 'a' } } } })
  })
})

describe('a list of devices', () => {
  it('is fetched once, and then follows what the server tells', async () => {
    devices.add(eve, 'ONE')
    expect(await alice.devices(eve)).toEqual(['ONE'])
    expect(await alice.devices(eve)).toEqual(['ONE'])
    expect(devices.fetches).toEqual({ queries: 1, devices: 0 })
    devices.add(eve, 'TWO')
    await tell(devices.update(eve, 'TWO'))
    await alice.untilChanged(eve)
    // Where the list stood was not known: it is fetched, and then it is.
    await eventually(
      () => alice.devices(eve),
      (found) => found.join() === 'ONE,TWO',
    )
    await eventually(
      async () => devices.fetches.devices,
      (count) => count === 1,
    )
    const before = devices.fetches
    devices.add(eve, 'THREE')
    await tell(devices.update(eve, 'THREE'))
    devices.remove(eve, 'ONE')
    await tell(devices.update(eve, 'ONE'))
    await alice.untilChanged(eve)
    expect(await alice.devices(eve)).toEqual(['THREE', 'TWO'])
    expect(devices.fetches).toEqual(before)
  })

  it('is told of to whoever shares a room, asked or not, and to nobody else (D1)', async () => {
    const bystander = new DeviceObserver(await world.here.register(`bystander${names}`))
    await bystander.sync()
    devices.add(eve, 'ONE')
    await tell(
      devices.update(eve, 'ONE'),
      { edu_type: 'm.device_list_update', content: { user_id: bystander.client.userId, device_id: 'X', stream_id: 1 } },
      { edu_type: 'm.signing_key_update', content: { user_id: bystander.client.userId } },
      { edu_type: 'm.device_list_update', content: { user_id: `@eve:elsewhere.example`, device_id: 'X', stream_id: 1 } },
    )
    await alice.untilChanged(eve)
    const said = (await bystander.sync()).device_lists
    expect([said?.changed ?? [], said?.left ?? []]).toEqual([[], []])
  })

  it('is served while the server is away, and is not once changes may have been missed', async () => {
    devices.add(eve, 'ONE')
    expect(await alice.devices(eve)).toEqual(['ONE'])
    peer.on('POST', QUERY, () => Response.json({}, { status: 500 }))
    peer.on('GET', /\/user\/devices\//, () => Response.json({}, { status: 500 }))
    expect(await alice.devices(eve)).toEqual(['ONE'])
    devices.add(eve, 'TWO')
    await tell(devices.update(eve, 'TWO', [12345]))
    await alice.untilChanged(eve)
    const answer = await alice.query(eve)
    expect([Object.keys(answer.failures), answer.device_keys]).toEqual([[peer.serverName], {}])
  })

  it('is not believed any more when no room is shared, nor after coming back', async () => {
    devices.add(eve, 'ONE')
    expect(await alice.devices(eve)).toEqual(['ONE'])
    await peer.send(shared.room.state(eve, 'm.room.member', eve, { membership: 'leave' }))
    await eventually(
      () => alice.sync(),
      ({ device_lists: lists }) => lists?.left?.includes(eve) === true,
    )
    devices.add(eve, 'UNSEEN')
    expect(await alice.devices(eve)).toEqual(['ONE', 'UNSEEN'])
    const { queries } = devices.fetches
    await alice.devices(eve)
    expect(devices.fetches.queries).toBe(queries + 1)
    devices.remove(eve, 'ONE')
    await peer.join(shared.roomId, eve)
    await alice.untilChanged(eve)
    expect(await alice.devices(eve)).toEqual(['UNSEEN'])
  })

  it('carries cross-signing keys, and follows their changes, also under the name of old', async () => {
    devices.add(eve, 'ONE')
    expect((await alice.query(eve)).master_keys).toEqual({})
    for (const [generation, type] of [
      ['first', 'm.signing_key_update'],
      ['second', 'org.matrix.signing_key_update'],
    ] as const) {
      const keys = crossSigningKeys(eve, generation)
      const { master_key: master, self_signing_key: selfSigning } = keys.body
      await tell({ edu_type: type, content: { user_id: eve, master_key: master, self_signing_key: selfSigning } })
      await alice.untilChanged(eve)
      const { master_keys: masters, self_signing_keys: selfSigningKeys } = await alice.query(eve)
      expect([masters[eve], selfSigningKeys[eve]]).toEqual([master, selfSigning])
    }
    const foreign = crossSigningKeys(eve, 'third')
    await tell({ edu_type: 'm.signing_key_update', content: { user_id: eve, self_signing_key: foreign.body.self_signing_key } })
    await alice.untilChanged(eve)
    const { self_signing_keys: selfSigningKeys } = await alice.query(eve)
    expect(selfSigningKeys).toEqual({})
  })
})

describe('a list that is poisoned or flooded (D3)', () => {
  it('costs one fetch at a time, less and less often, and is right in the end', async () => {
    devices.add(eve, 'ONE')
    expect(await alice.devices(eve)).toEqual(['ONE'])
    const nonsense = (n: number): JsonObject => {
      const kinds: JsonObject[] = [
        { stream_id: n * 1000, prev_id: [n * 1000 - 1] },
        { stream_id: 'absurd', prev_id: ['absurd'] },
        { stream_id: -1, prev_id: [] },
        { stream_id: 2 ** 53 - 1, prev_id: [0] },
        { stream_id: 7, prev_id: Array.from({ length: 1000 }, (_, prev) => prev) },
        { stream_id: n, deleted: true, keys: deviceKeysOf({ userId: eve, deviceId: `FAKE${n}` }) },
        { prev_id: 'absurd', keys: 'absurd' },
      ]
      return { edu_type: 'm.device_list_update', content: { user_id: eve, device_id: `FAKE${n}`, ...kinds[n % kinds.length] } }
    }
    for (let round = 0; round < 10; round += 1) await tell(...Array.from({ length: 100 }, (_, n) => nonsense(round * 100 + n)))
    await alice.untilChanged(eve)
    expect(await alice.devices(eve)).toEqual(['ONE'])
    // One at once, and one after each pause: 5 seconds, 10 seconds…
    expect(devices.fetches.devices).toBeLessThanOrEqual(4)
  })

  it('is left alone where nobody has asked for it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const edus = Array.from({ length: 100 }, (_, n) => {
        const userId = peer.user(`nobody${round}-${n}`)
        return { edu_type: 'm.device_list_update', content: { user_id: userId, device_id: 'X', stream_id: n, prev_id: [n + 7] } }
      })
      await tell(...edus)
    }
    expect(devices.fetches).toEqual({ devices: 0, queries: 0 })
  })

  it('has a bound, whether it comes at once or device by device', async () => {
    for (let n = 0; n < 1_500; n += 1)
      devices.add(eve, `D${n}`, { ...deviceKeysOf({ userId: eve, deviceId: 'ONE' }), device_id: `D${n}`, signatures: {} })
    expect((await alice.devices(eve)).length).toBe(1_000)
    // Brings the list to a known place.
    await tell(devices.update(eve, 'D0'))
    await eventually(
      async () => devices.fetches.devices,
      (count) => count === 1,
    )
    for (let n = 0; n < 50; n += 1) {
      devices.add(eve, `MORE${n}`)
      await tell(devices.update(eve, `MORE${n}`))
    }
    expect((await alice.devices(eve)).length).toBe(1_000)
  })
})
