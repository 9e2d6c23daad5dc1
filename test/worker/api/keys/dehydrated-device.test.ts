import { describe, expect, it } from 'vitest'
import { call, logIn, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { claim, deviceKeysOf, oneTimeKeys, query, send } from '../../../support/e2ee.ts'
import { ok } from '../../../support/room-api.ts'

const PATH = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'
const ask = (session: TestSession, method: string, path = '', body?: object) =>
  call(method, PATH + path, { token: session.token, ...(body === undefined ? {} : { body }) })

const bodyFor = (session: TestSession, deviceId: string) => ({
  device_id: deviceId,
  device_data: { algorithm: 'm.dehydration.v2', device_pickle: 'p' },
  initial_device_display_name: 'Dehydrated device',
  device_keys: { ...deviceKeysOf({ ...session, deviceId }), dehydrated: true },
  one_time_keys: oneTimeKeys(2, deviceId),
  fallback_keys: { 'signed_curve25519:f': { key: 'f', fallback: true } },
})

describe('a dehydrated device (MSC3814)', () => {
  it('is stored with its keys, receives messages, hands them out page by page, and goes with its queue', { timeout: 60_000 }, async () => {
    const alice = await registerAccount()
    const bob = await registerAccount()
    expect(await ask(alice, 'GET')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect((await ask(alice, 'PUT', '', bodyFor(alice, 'DRY'))).body).toEqual({ device_id: 'DRY' })
    expect((await ask(alice, 'GET')).body).toEqual({ device_id: 'DRY', device_data: bodyFor(alice, 'DRY').device_data })
    const seen = (await query(bob, alice.userId)).device_keys[alice.userId].DRY
    expect(seen).toMatchObject({ dehydrated: true, unsigned: { device_display_name: 'Dehydrated device' } })
    expect((await claim(bob, { userId: alice.userId, deviceId: 'DRY' }))?.[0]).toBe('signed_curve25519:DRY0')
    for (let n = 0; n < 130; n += 1) await send(bob, { [alice.userId]: { DRY: { n } } })
    await expect.poll(async () => (await ask(alice, 'GET', '/DRY/events')).body.events.length).toBe(100)
    const first = (await ask(alice, 'GET', '/DRY/events')).body
    await expect.poll(async () => (await ask(alice, 'GET', `/DRY/events?from=${first.next_batch}`)).body.events.length).toBe(30)
    const last = (await ask(alice, 'GET', `/DRY/events?from=${first.next_batch}`)).body
    expect(last).not.toHaveProperty('next_batch')
    expect([...first.events, ...last.events].map(({ content }) => content.n)).toEqual(Array.from({ length: 130 }, (_, n) => n))
    const posted = (await ask(alice, 'POST', '/DRY/events', { next_batch: first.next_batch })).body
    expect((await ask(alice, 'POST', '/DRY/events', { next_batch: posted.next_batch })).body.events).toEqual([])
    expect((await ask(alice, 'GET', `/${alice.deviceId}/events`)).status).toBe(404)
    expect((await ask(alice, 'DELETE')).body).toEqual({ device_id: 'DRY' })
    expect((await ask(alice, 'GET', '/DRY/events')).status).toBe(404)
    expect((await query(bob, alice.userId)).device_keys[alice.userId]).toEqual({})
    expect((await ask(alice, 'DELETE')).status).toBe(404)
  })

  it('replaces the one before, and never a device that somebody is logged in on', async () => {
    const alice = await registerAccount()
    const second = await logIn(alice.localpart)
    ok(await ask(alice, 'PUT', '', bodyFor(alice, 'ONE')))
    ok(await ask(second, 'PUT', '', bodyFor(alice, 'TWO')))
    expect(Object.keys((await query(alice, alice.userId)).device_keys[alice.userId])).toEqual(['TWO'])
    expect((await ask(alice, 'PUT', '', bodyFor(alice, second.deviceId))).status).toBe(403)
    expect((await ask(alice, 'PUT', '', { ...bodyFor(alice, 'NEW'), device_keys: deviceKeysOf(alice) })).status).toBe(400)
    expect((await ask(alice, 'GET')).body.device_id).toBe('TWO')
    expect((await call('GET', '/account/whoami', { token: second.token })).status).toBe(200)
  })
})
