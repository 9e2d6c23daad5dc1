import { describe, expect, it } from 'vitest'
import { costsOfRequest } from '../../../../src/runtime/metrics.ts'
import { call, logIn, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { endObject } from '../../../support/crash-worker.ts'
import { claim, deviceKeysOf, oneTimeKeys, publish, query, syncOnce, upload } from '../../../support/e2ee.ts'
import { people } from '../../../support/room-api.ts'

describe('uploading keys', () => {
  it('publishes them, with the name of the device in unsigned, and counts one-time keys', async () => {
    const alice = await registerAccount(undefined, { initial_device_display_name: 'phone' })
    const bob = await registerAccount()
    const answer = await upload(alice, { device_keys: deviceKeysOf(alice), one_time_keys: oneTimeKeys(5) })
    expect(answer).toMatchObject({ status: 200, body: { one_time_key_counts: { signed_curve25519: 5 } } })
    const found = await query(bob, alice.userId)
    expect(found.failures).toEqual({})
    expect(found.device_keys[alice.userId][alice.deviceId]).toEqual({
      ...deviceKeysOf(alice),
      unsigned: { device_display_name: 'phone' },
    })
  })

  it('counts nothing for null and absent parts (D5)', async () => {
    const alice = await registerAccount()
    const body = { device_keys: null, one_time_keys: null, fallback_keys: null }
    expect(await upload(alice, body)).toMatchObject({ status: 200, body: { one_time_key_counts: { signed_curve25519: 0 } } })
    expect((await upload(alice, {})).status).toBe(200)
  })

  it.each([
    ['another user', { user_id: '@other:test.example' }],
    ['another device', { device_id: 'OTHER' }],
    ['no user', { user_id: null }],
    ['no keys', { keys: null }],
    ['a key that is null', { keys: { 'ed25519:X': null } }],
    ['algorithms that are no list', { algorithms: 'all' }],
    ['signatures that are null', { signatures: { '@a:b': null } }],
    ['a fraction', { extra: 1.5 }],
  ])('refuses identity keys with %s (D5)', async (_what, change) => {
    const alice = await registerAccount()
    expect((await upload(alice, { device_keys: { ...deviceKeysOf(alice), ...change } })).status).toBe(400)
    expect((await query(alice, alice.userId)).device_keys[alice.userId]).toEqual({})
  })

  it('refuses other identity keys for a device that has some, and takes the same ones again (D5)', async () => {
    const alice = await registerAccount()
    await publish(alice)
    expect((await upload(alice, { device_keys: deviceKeysOf(alice, 'another key') })).status).toBe(400)
    expect((await upload(alice, { device_keys: deviceKeysOf(alice) })).status).toBe(200)
    const { unsigned: _unsigned, ...stored } = (await query(alice, alice.userId)).device_keys[alice.userId][alice.deviceId]
    expect(stored).toEqual(deviceKeysOf(alice))
  })

  it('refuses another key under the name of one that is there or was handed out, and nothing of the request happens (D5)', async () => {
    const alice = await registerAccount()
    await upload(alice, { one_time_keys: oneTimeKeys(2) })
    await claim(alice, alice)
    for (const name of ['key0', 'key1']) {
      const keys = { ...oneTimeKeys(1, 'fresh'), [`signed_curve25519:${name}`]: { key: 'changed' } }
      expect((await upload(alice, { one_time_keys: keys })).status).toBe(400)
    }
    expect((await upload(alice, {})).body.one_time_key_counts).toEqual({ signed_curve25519: 1 })
  })

  it('does not bring a key back that was handed out when an upload is repeated (D6)', async () => {
    const alice = await registerAccount()
    await upload(alice, { one_time_keys: oneTimeKeys(2) })
    const first = await claim(alice, alice)
    expect((await upload(alice, { one_time_keys: oneTimeKeys(2) })).body.one_time_key_counts).toEqual({ signed_curve25519: 1 })
    const second = await claim(alice, alice)
    expect(new Set([first?.[0], second?.[0]]).size).toBe(2)
    expect(await claim(alice, alice)).toBeUndefined()
  })

  it.each([
    ['names without an algorithm', { one_time_keys: { ':x': 'key' } }],
    ['names without an ID', { one_time_keys: { 'curve25519:': 'key' } }],
    ['keys that are null', { one_time_keys: { 'curve25519:x': null } }],
    ['keys without a key', { one_time_keys: { 'signed_curve25519:x': {} } }],
    ['two fallback keys of one algorithm', { fallback_keys: { 'signed_curve25519:a': { key: 'a' }, 'signed_curve25519:b': { key: 'b' } } }],
    ['one-time keys that are a list', { one_time_keys: [] }],
  ])('refuses %s (D5)', async (_what, body) => {
    expect((await upload(await registerAccount(), body)).status).toBe(400)
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'takes %s as the name of an algorithm and of a key (P7)',
    async (name) => {
      const alice = await registerAccount()
      const key = `"${name}:${name}":"key"`
      expect((await upload(alice, `{"one_time_keys":{${key}}}`)).status).toBe(200)
      const counted = await upload(alice, {})
      expect(Object.entries(counted.body.one_time_key_counts)).toContainEqual([name, 1])
      const body = `{"one_time_keys":{"${alice.userId}":{"${alice.deviceId}":"${name}"}}}`
      const claimed = await call('POST', '/keys/claim', { token: alice.token, body })
      expect(JSON.stringify(claimed.body.one_time_keys[alice.userId])).toBe(`{"${alice.deviceId}":{${key}}}`)
      expect((await call('POST', '/keys/claim', { token: alice.token, body })).body.one_time_keys).toEqual({})
      expect({}).not.toHaveProperty('key')
    },
  )

  it('bounds sizes and numbers (D5)', async () => {
    const alice = await registerAccount()
    const large = 'x'.repeat(40_000)
    expect((await upload(alice, { device_keys: { ...deviceKeysOf(alice), large } })).status).toBe(413)
    expect((await upload(alice, { one_time_keys: { 'signed_curve25519:x': { key: large } } })).status).toBe(413)
    expect((await upload(alice, { one_time_keys: oneTimeKeys(501) })).status).toBe(413)
    for (const prefix of ['a', 'b']) expect((await upload(alice, { one_time_keys: oneTimeKeys(500, prefix) })).status).toBe(200)
    expect((await upload(alice, { one_time_keys: oneTimeKeys(1, 'c') })).status).toBe(413)
  })
})

describe('querying keys', () => {
  it('answers with empty devices for users without any and for users who do not exist, and with failures for other servers (D12)', async () => {
    const alice = await registerAccount()
    const bob = await registerAccount()
    const found = await query(alice, bob.userId, '@nobody-here:test.example', '@far:elsewhere.example')
    expect(found.device_keys).toEqual({ [bob.userId]: {}, '@nobody-here:test.example': {} })
    expect(Object.keys(found.failures)).toEqual(['elsewhere.example'])
  })

  it('answers only the devices that were asked for', async () => {
    const alice = await registerAccount()
    const second = await logIn(alice.localpart)
    await publish(alice)
    await publish(second)
    const body = { device_keys: { [alice.userId]: [second.deviceId, 'UNKNOWN'] } }
    const answer = await call('POST', '/keys/query', { token: alice.token, body })
    expect(Object.keys(answer.body.device_keys[alice.userId])).toEqual([second.deviceId])
    expect(Object.keys((await query(alice, alice.userId)).device_keys[alice.userId]).sort()).toEqual(
      [alice.deviceId, second.deviceId].sort(),
    )
  })

  it('needs a token', async () => {
    for (const path of ['/keys/query', '/keys/claim', '/keys/upload']) {
      expect((await call('POST', path, { body: { device_keys: {}, one_time_keys: {} } })).status).toBe(401)
      expect((await call('POST', path, { token: 'wrong', body: { device_keys: {}, one_time_keys: {} } })).status).toBe(401)
    }
  })

  it.each([{}, { device_keys: null }, { device_keys: [] }, { device_keys: { '@a:b': 'x' } }, { device_keys: { '@a:b': [1] } }])(
    'refuses %j',
    async (body) => {
      const alice = await registerAccount()
      expect((await call('POST', '/keys/query', { token: alice.token, body })).status).toBe(400)
    },
  )
})

describe('what querying costs', () => {
  it('is one round trip for each user and nothing else for 100 known users', { timeout: 60_000 }, async () => {
    const others: TestSession[] = []
    while (others.length < 100) others.push(...(await people(25)))
    const [alice] = await people(1)
    const body = { device_keys: Object.fromEntries(others.map(({ userId }) => [userId, []])) }
    const ask = () => call('POST', '/keys/query', { token: alice?.token, body })
    await ask()
    const answer = await ask()
    expect(Object.keys(answer.body.device_keys)).toHaveLength(100)
    const costs = costsOfRequest(answer.headers.get('x-request-id') ?? '')
    expect(costs).toEqual({ rpc: 101 })
  })
})

describe('claiming keys', () => {
  it('hands them out in the order of upload, then the fallback key again and again, which sync tells', async () => {
    const alice = await registerAccount()
    const bob = await registerAccount()
    await upload(alice, {
      one_time_keys: oneTimeKeys(1, 'z'),
      fallback_keys: { 'signed_curve25519:fall': { key: 'fall', fallback: true } },
    })
    await upload(alice, { one_time_keys: oneTimeKeys(1, 'a') })
    expect(await syncOnce(alice)).toMatchObject({
      device_one_time_keys_count: { signed_curve25519: 2 },
      device_unused_fallback_key_types: ['signed_curve25519'],
    })
    const names = []
    for (let n = 0; n < 4; n += 1) names.push((await claim(bob, alice))?.[0])
    expect(names).toEqual(['z0', 'a0', 'fall', 'fall'].map((name) => `signed_curve25519:${name}`))
    expect(await syncOnce(alice)).toMatchObject({
      device_one_time_keys_count: { signed_curve25519: 0 },
      device_unused_fallback_key_types: [],
    })
    // The same key again is still a used one; another one is not.
    await upload(alice, { fallback_keys: { 'signed_curve25519:fall': { key: 'fall', fallback: true } } })
    expect((await syncOnce(alice)).device_unused_fallback_key_types).toEqual([])
    await upload(alice, { fallback_keys: { 'signed_curve25519:next': { key: 'next', fallback: true } } })
    expect((await syncOnce(alice)).device_unused_fallback_key_types).toEqual(['signed_curve25519'])
    expect((await claim(bob, alice))?.[0]).toBe('signed_curve25519:next')
  })

  it.each(['/_matrix/client/unstable/org.matrix.simplified_msc3575/sync', '/_matrix/client/v4/sync'])(
    'tells counts and unused fallback keys at %s too',
    async (path) => {
      const [alice, bob] = [await registerAccount(), await registerAccount()]
      const ask = async () =>
        (await call('POST', path, { token: alice.token, body: { extensions: { e2ee: { enabled: true } } } })).body.extensions.e2ee
      await upload(alice, { one_time_keys: oneTimeKeys(1), fallback_keys: { 'signed_curve25519:fall': { key: 'fall', fallback: true } } })
      expect(await ask()).toMatchObject({
        device_one_time_keys_count: { signed_curve25519: 1 },
        device_unused_fallback_key_types: ['signed_curve25519'],
      })
      for (let claimed = 0; claimed < 2; claimed += 1) await claim(bob, alice)
      expect(await ask()).toMatchObject({ device_one_time_keys_count: { signed_curve25519: 0 }, device_unused_fallback_key_types: [] })
    },
  )

  it('says in a sync without news how many are left', async () => {
    const alice = await registerAccount()
    await upload(alice, { one_time_keys: oneTimeKeys(3) })
    const { next_batch } = await syncOnce(alice)
    const idle = await syncOnce(alice, next_batch, 50)
    expect(idle).toMatchObject({ device_one_time_keys_count: { signed_curve25519: 3 }, device_unused_fallback_key_types: [] })
  })

  it('has nothing for devices, algorithms and users that do not exist', async () => {
    const alice = await registerAccount()
    await upload(alice, { one_time_keys: oneTimeKeys(1) })
    const wanted = {
      [alice.userId]: { [alice.deviceId]: 'other', NONE: 'signed_curve25519' },
      '@nobody-at-all:test.example': { X: 'signed_curve25519' },
      '@far:elsewhere.example': { X: 'signed_curve25519' },
    }
    const answer = await call('POST', '/keys/claim', { token: alice.token, body: { one_time_keys: wanted } })
    expect(answer.body.one_time_keys).toEqual({})
    expect(Object.keys(answer.body.failures)).toEqual(['elsewhere.example'])
  })

  it('never hands one out twice: 100 claims at once of 50 keys, with the object ended underneath (D6)', { timeout: 60_000 }, async () => {
    const alice = await registerAccount()
    const bob = await registerAccount()
    const fallback = { 'signed_curve25519:fall': { key: 'fall', fallback: true } }
    await upload(alice, { one_time_keys: oneTimeKeys(50), fallback_keys: fallback })
    const names: string[] = []
    const claimers = Array.from({ length: 100 }, async (_, n) => {
      if (n % 33 === 32) await endObject('user', alice.userId)
      // A claim that was broken off spends its key, or spends none.
      const found = await claim(n % 2 === 0 ? alice : bob, alice).catch(() => undefined)
      if (found !== undefined) names.push(found[0])
    })
    await Promise.all(claimers)
    while (names.filter((name) => name.endsWith(':fall')).length < 20) names.push((await claim(bob, alice))?.[0] ?? 'none')
    const oneTime = names.filter((name) => !name.endsWith(':fall'))
    expect(new Set(oneTime).size).toBe(oneTime.length)
    expect(oneTime.every((name) => name.startsWith('signed_curve25519:key'))).toBe(true)
  })

  it('hands out 50 distinct keys to 100 claims at once, then the fallback key (D6)', async () => {
    const alice = await registerAccount()
    const bob = await registerAccount()
    await upload(alice, { one_time_keys: oneTimeKeys(50), fallback_keys: { 'signed_curve25519:fall': { key: 'fall' } } })
    const names = await Promise.all(Array.from({ length: 100 }, async () => (await claim(bob, alice))?.[0]))
    const oneTime = names.filter((name) => name !== 'signed_curve25519:fall')
    expect([oneTime.length, new Set(oneTime).size]).toEqual([50, 50])
    await endObject('user', alice.userId)
    expect((await claim(bob, alice))?.[0]).toBe('signed_curve25519:fall')
  })
})
