import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { call, logIn, passwordAuth, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { crossSigningKeys, deviceKeysOf, keyNamed, publish, query, syncOnce } from '../../../support/e2ee.ts'
import { ok } from '../../../support/room-api.ts'

const uploadKeys = (session: TestSession, body: object) => call('POST', '/keys/device_signing/upload', { token: session.token, body })
const uploadSignatures = (session: TestSession, body: object) => call('POST', '/keys/signatures/upload', { token: session.token, body })

/** An account with device keys and cross-signing keys. */
async function crossSigned(): Promise<TestSession & { readonly keys: ReturnType<typeof crossSigningKeys> }> {
  const session = await registerAccount()
  const keys = crossSigningKeys(session.userId)
  await publish(session)
  ok(await uploadKeys(session, keys.body))
  return { ...session, keys }
}

describe('uploading cross-signing keys', () => {
  it('is free for the first keys and for the same again; others see all but the user-signing key (D7)', async () => {
    const alice = await crossSigned()
    const bob = await registerAccount()
    expect((await uploadKeys(alice, alice.keys.body)).status).toBe(200)
    const own = await query(alice, alice.userId)
    expect(own.master_keys[alice.userId]).toEqual(alice.keys.body.master_key)
    expect(own.self_signing_keys[alice.userId]).toEqual(alice.keys.body.self_signing_key)
    expect(own.user_signing_keys[alice.userId]).toEqual(alice.keys.body.user_signing_key)
    const seen = await query(bob, alice.userId)
    expect(seen.master_keys[alice.userId]).toEqual(alice.keys.body.master_key)
    expect(seen.self_signing_keys[alice.userId]).toEqual(alice.keys.body.self_signing_key)
    expect(seen.user_signing_keys).toEqual({})
  })

  it('must be confirmed to replace keys, all or one of them (D7, A14)', async () => {
    const alice = await crossSigned()
    const next = crossSigningKeys(alice.userId, 'second')
    const oneKey = { self_signing_key: alice.keys.master.sign(alice.userId, { ...next.body.self_signing_key, signatures: {} }) }
    for (const body of [next.body, oneKey]) {
      const challenge = await uploadKeys(alice, body)
      expect(challenge).toMatchObject({ status: 401, body: { flows: [{ stages: ['m.login.password'] }], session: expect.any(String) } })
      expect((await uploadKeys(alice, { ...body, auth: { type: 'm.login.dummy', session: challenge.body.session } })).status).toBe(401)
      expect((await uploadKeys(alice, { ...body, auth: passwordAuth(alice, 'wrong') })).status).toBe(401)
    }
    expect((await query(alice, alice.userId)).master_keys[alice.userId]).toEqual(alice.keys.body.master_key)
    // A session that was begun for other keys authorizes nothing here.
    const { session } = (await uploadKeys(alice, oneKey)).body
    expect((await uploadKeys(alice, { ...next.body, auth: passwordAuth(alice, undefined, { session }) })).status).toBe(401)
    const { session: right } = (await uploadKeys(alice, next.body)).body
    expect((await uploadKeys(alice, { ...next.body, auth: passwordAuth(alice, undefined, { session: right }) })).status).toBe(200)
    expect((await query(alice, alice.userId)).master_keys[alice.userId]).toEqual(next.body.master_key)
  })

  it.each([
    ['of another user', (keys: JsonObject) => ({ ...keys, master_key: { ...object(keys.master_key), user_id: '@other:test.example' } })],
    ['for another usage', (keys: JsonObject) => ({ ...keys, master_key: { ...object(keys.master_key), usage: ['self_signing'] } })],
    ['with two keys', (keys: JsonObject) => ({ ...keys, master_key: { ...object(keys.master_key), keys: { a: 'a', b: 'b' } } })],
    ['under another name', (keys: JsonObject) => ({ ...keys, master_key: { ...object(keys.master_key), keys: { 'ed25519:x': 'y' } } })],
    ['without a signature', (keys: JsonObject) => ({ ...keys, self_signing_key: { ...object(keys.self_signing_key), signatures: {} } })],
    ['without a master key', ({ master_key: _master, ...keys }: JsonObject) => keys],
    ['that are lists', (keys: JsonObject) => ({ ...keys, master_key: [] })],
  ])('refuses keys %s (D7)', async (_what, change) => {
    const alice = await registerAccount()
    expect((await uploadKeys(alice, change(crossSigningKeys(alice.userId).body))).status).toBe(400)
    expect((await query(alice, alice.userId)).master_keys).toEqual({})
  })

  it('says that a signature is invalid, and that an ID is in use (D7)', async () => {
    const alice = await registerAccount()
    const { body } = crossSigningKeys(alice.userId)
    const stranger = keyNamed('stranger')
    const forged = { ...body, self_signing_key: stranger.sign(alice.userId, { ...body.self_signing_key, signatures: {} }) }
    expect(await uploadKeys(alice, forged)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_SIGNATURE' } })
    const publicKey = crossSigningKeys(alice.userId).master.publicKey
    await logIn(alice.localpart, { device_id: publicKey })
    expect(await uploadKeys(alice, body)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })

  it('makes public keys unusable as device IDs', async () => {
    const alice = await crossSigned()
    const login = call('POST', '/login', {
      body: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: alice.localpart },
        password: 'correct horse battery staple',
        device_id: alice.keys.master.publicKey,
      },
    })
    expect((await login).status).toBe(403)
  })
})

describe('uploading signatures', () => {
  it('adds those of the self-signing key to own devices, and of own devices to the master key, for everybody (D8)', async () => {
    const alice = await crossSigned()
    const bob = await registerAccount()
    const device = alice.keys.selfSigning.sign(alice.userId, deviceKeysOf(alice))
    const deviceKey = keyNamed(`device ${alice.userId} ${alice.deviceId}`)
    const master = deviceKey.sign(alice.userId, alice.keys.body.master_key, alice.deviceId)
    const body = { [alice.userId]: { [alice.deviceId]: device, [alice.keys.master.publicKey]: master } }
    expect(await uploadSignatures(alice, body)).toMatchObject({ status: 200, body: { failures: {} } })
    const seen = await query(bob, alice.userId)
    expect(seen.device_keys[alice.userId][alice.deviceId].signatures).toEqual(device.signatures)
    expect(seen.master_keys[alice.userId].signatures).toEqual(master.signatures)
  })

  it('adds those over the keys of others for the signer only, who hears of it on every device (D8)', async () => {
    const alice = await crossSigned()
    const bob = await crossSigned()
    const carol = await registerAccount()
    const second = await logIn(alice.localpart)
    const { next_batch } = await syncOnce(second)
    const poll = syncOnce(second, next_batch, 10_000)
    const signed = alice.keys.userSigning.sign(alice.userId, bob.keys.body.master_key)
    const body = { [bob.userId]: { [bob.keys.master.publicKey]: signed } }
    expect((await uploadSignatures(alice, body)).body).toEqual({ failures: {} })
    expect((await poll).device_lists.changed).toEqual([bob.userId])
    expect((await query(alice, bob.userId)).master_keys[bob.userId].signatures).toEqual(signed.signatures)
    for (const other of [bob, carol]) expect((await query(other, bob.userId)).master_keys[bob.userId]).toEqual(bob.keys.body.master_key)
  })

  it('refuses each wrong one on its own, and stores the others (D8)', async () => {
    const alice = await crossSigned()
    const bob = await crossSigned()
    const device = alice.keys.selfSigning.sign(alice.userId, deviceKeysOf(alice))
    const { publicKey } = bob.keys.master
    const cases: [string, string, JsonObject, string][] = [
      [
        'a device that does not exist',
        'NONE',
        alice.keys.selfSigning.sign(alice.userId, deviceKeysOf({ ...alice, deviceId: 'NONE' })),
        'M_NOT_FOUND',
      ],
      ['no signature of ours', publicKey, bob.keys.userSigning.sign(bob.userId, bob.keys.body.master_key), 'M_INVALID_SIGNATURE'],
      [
        'a self-signing key over others',
        publicKey,
        alice.keys.selfSigning.sign(alice.userId, bob.keys.body.master_key),
        'M_INVALID_SIGNATURE',
      ],
      [
        'another object',
        publicKey,
        alice.keys.userSigning.sign(alice.userId, { ...bob.keys.body.master_key, extra: 1 }),
        'M_INVALID_PARAM',
      ],
      ['a device of another user', bob.deviceId, alice.keys.userSigning.sign(alice.userId, deviceKeysOf(bob)), 'M_NOT_FOUND'],
      [
        'a broken signature',
        publicKey,
        broken(alice.userId, alice.keys.userSigning.publicKey, bob.keys.body.master_key),
        'M_INVALID_SIGNATURE',
      ],
    ]
    for (const [what, target, signed, errcode] of cases) {
      const owner = target === 'NONE' ? alice.userId : bob.userId
      const answer = await uploadSignatures(alice, { [alice.userId]: { [alice.deviceId]: device }, [owner]: { [target]: signed } })
      if (owner === bob.userId) expect(answer.body.failures, what).toMatchObject({ [owner]: { [target]: { errcode } } })
    }
    const unknown = await uploadSignatures(alice, {
      '@nobody-signs:test.example': { x: { a: 1 } },
      '@far:elsewhere.example': { x: { a: 1 } },
      [alice.userId]: { NONE: deviceKeysOf({ ...alice, deviceId: 'NONE' }) },
    })
    expect(Object.keys(unknown.body.failures).sort()).toEqual([alice.userId, '@far:elsewhere.example', '@nobody-signs:test.example'].sort())
    const own = await query(alice, alice.userId, bob.userId)
    expect(own.device_keys[alice.userId][alice.deviceId].signatures).toEqual(device.signatures)
    expect(own.master_keys[bob.userId]).toEqual(bob.keys.body.master_key)
  })

  it('is undone by new cross-signing keys, and by the end of the device (D10)', async () => {
    const alice = await crossSigned()
    const second = await logIn(alice.localpart)
    await publish(second)
    const sign = (device: TestSession) => alice.keys.selfSigning.sign(alice.userId, deviceKeysOf(device))
    await uploadSignatures(alice, { [alice.userId]: { [alice.deviceId]: sign(alice), [second.deviceId]: sign(second) } })
    await call('POST', '/logout', { token: second.token, body: {} })
    const again = await logIn(alice.localpart, { device_id: second.deviceId })
    await publish(again)
    let own = await query(alice, alice.userId)
    expect(own.device_keys[alice.userId][again.deviceId].signatures).toEqual(deviceKeysOf(again).signatures)
    const next = crossSigningKeys(alice.userId, 'second')
    ok(await uploadKeys(alice, { ...next.body, auth: passwordAuth(alice) }))
    own = await query(alice, alice.userId)
    expect(own.device_keys[alice.userId][alice.deviceId].signatures).toEqual(deviceKeysOf(alice).signatures)
  })
})

describe('the end of a device (D10)', () => {
  it('takes its keys, one-time keys and fallback keys with it at once', async () => {
    const alice = await registerAccount()
    const bob = await registerAccount()
    const second = await logIn(alice.localpart)
    await publish(second)
    ok(
      await call('POST', '/keys/upload', {
        token: second.token,
        body: { one_time_keys: { 'signed_curve25519:x': { key: 'x' } }, fallback_keys: { 'signed_curve25519:f': { key: 'f' } } },
      }),
    )
    ok(await call('POST', '/delete_devices', { token: alice.token, body: { devices: [second.deviceId], auth: passwordAuth(alice) } }))
    expect((await query(bob, alice.userId)).device_keys[alice.userId]).toEqual({})
    const body = { one_time_keys: { [alice.userId]: { [second.deviceId]: 'signed_curve25519' } } }
    expect((await call('POST', '/keys/claim', { token: bob.token, body })).body.one_time_keys).toEqual({})
  })

  it('is the end of everything when the account goes', async () => {
    const alice = await crossSigned()
    const bob = await registerAccount()
    ok(await call('POST', '/account/deactivate', { token: alice.token, body: { auth: passwordAuth(alice) } }))
    expect(await query(bob, alice.userId)).toMatchObject({ device_keys: { [alice.userId]: {} }, master_keys: {}, self_signing_keys: {} })
  })
})

function object(value: unknown): JsonObject {
  return value as JsonObject
}

function broken(userId: string, publicKey: string, key: JsonObject): JsonObject {
  return { ...key, signatures: { [userId]: { [`ed25519:${publicKey}`]: 'A'.repeat(86) } } }
}
