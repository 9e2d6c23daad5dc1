import { describe, expect, it } from 'vitest'
import { call, logIn, PASSWORD, passwordAuth, registerAccount } from '../../../support/api-client.ts'
import { endObject } from '../../../support/crash-worker.ts'
import { GATEWAY_URL, pusherBody, pushkeysOf, setPusher } from '../../../support/push-gateway.ts'
import { enc, ok } from '../../../support/room-api.ts'

const set = (token: string, body: Readonly<Record<string, unknown>>) => call('POST', '/pushers/set', { token, body })

describe('POST /pushers/set and GET /pushers', () => {
  it('keeps what the client set, replaces it under the same key, and forgets it with kind null', async () => {
    const alice = await registerAccount()
    const body = pusherBody('key', { profile_tag: 'tag' }, { custom: { a: 1 } })
    ok(await set(alice.token, body))
    const { append, ...shown } = { append: false, ...body }
    expect(append).toBe(false)
    expect(ok(await call('GET', '/pushers', { token: alice.token })).body).toEqual({ pushers: [shown] })
    ok(await set(alice.token, { ...body, lang: 'de' }))
    await endObject('user', alice.userId)
    expect(ok(await call('GET', '/pushers', { token: alice.token })).body.pushers).toEqual([{ ...shown, lang: 'de' }])
    ok(await set(alice.token, { kind: null, app_id: 'org.example.app', pushkey: 'key' }))
    ok(await set(alice.token, { kind: null, app_id: 'org.example.app', pushkey: 'key' }))
    expect(await pushkeysOf(alice)).toEqual([])
  })

  it('takes a pushkey from other users unless told to append, and never from the same user', async () => {
    const [alice, bob, carol] = await Promise.all([registerAccount(), registerAccount(), registerAccount()])
    await setPusher(alice, 'shared')
    await setPusher(alice, 'own')
    await setPusher(bob, 'shared', { append: true })
    expect(await pushkeysOf(alice)).toEqual(['own', 'shared'])
    await setPusher(carol, 'shared', { app_id: 'another.app' })
    expect(await pushkeysOf(alice)).toEqual(['own', 'shared'])
    await setPusher(carol, 'shared')
    expect(await Promise.all([alice, bob, carol].map(pushkeysOf))).toEqual([['own'], [], ['shared', 'shared']])
  })

  it.each([
    ['nothing', {}, 'M_MISSING_PARAM'],
    ['no pushkey', { pushkey: undefined }, 'M_MISSING_PARAM'],
    ['no language', { lang: undefined }, 'M_MISSING_PARAM'],
    ['no data', { data: undefined }, 'M_MISSING_PARAM'],
    ['data without a URL', { data: {} }, 'M_MISSING_PARAM'],
    ['an app ID of 65 characters', { app_id: 'a'.repeat(65) }, 'M_INVALID_PARAM'],
    ['a pushkey of 514 bytes', { pushkey: 'é'.repeat(257) }, 'M_INVALID_PARAM'],
    ['a number as name', { app_display_name: 5 }, 'M_INVALID_PARAM'],
    ['another kind', { kind: 'pigeon' }, 'M_INVALID_PARAM'],
    ['email', { kind: 'email', app_id: 'm.email' }, 'M_INVALID_PARAM'],
    ['a list as data', { data: [] }, 'M_INVALID_PARAM'],
    ['a text as append', { append: 'yes' }, 'M_INVALID_PARAM'],
  ])('refuses %s', async (_what, change, errcode) => {
    const alice = await registerAccount()
    const body = _what === 'nothing' ? {} : { ...pusherBody('key'), ...change }
    const answer = await set(alice.token, body)
    expect([answer.status, answer.body.errcode]).toEqual([400, errcode])
    expect(await pushkeysOf(alice)).toEqual([])
  })

  it.each([
    GATEWAY_URL.replace('https', 'http'),
    'https://push.example/',
    'https://push.example/_matrix/push/v1/notify/more',
    'https://push.example/a/../_matrix/push/v1/notify#x',
    'https://user:secret@push.example/_matrix/push/v1/notify',
    'https://127.0.0.1/_matrix/push/v1/notify',
    'https://0x7f.1/_matrix/push/v1/notify',
    'https://[::ffff:10.0.0.1]/_matrix/push/v1/notify',
    'https://localhost/_matrix/push/v1/notify',
    'https://push.example:25/_matrix/push/v1/notify',
    'ftp://push.example/_matrix/push/v1/notify',
    '/_matrix/push/v1/notify',
  ])('M6, M8: refuses the gateway %s', async (url) => {
    const alice = await registerAccount()
    const answer = await set(alice.token, pusherBody('key', {}, { url }))
    expect([answer.status, answer.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('refuses a fifty-first pusher', async () => {
    const alice = await registerAccount()
    for (let made = 0; made < 50; made += 1) await setPusher(alice, `key ${made}`)
    const answer = await set(alice.token, pusherBody('one more'))
    expect([answer.status, answer.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    await setPusher(alice, 'key 7', { lang: 'fr' })
    expect((await pushkeysOf(alice)).length).toBe(50)
  })
})

describe('D10: pushers go with the session that set them', () => {
  it('when it logs out', async () => {
    const phone = await registerAccount()
    const desktop = await logIn(phone.localpart)
    await setPusher(phone, 'phone')
    await setPusher(desktop, 'desktop')
    ok(await call('POST', '/logout', { token: phone.token, body: {} }))
    expect(await pushkeysOf(desktop)).toEqual(['desktop'])
  })

  it('when its device is deleted by another', async () => {
    const phone = await registerAccount()
    const desktop = await logIn(phone.localpart)
    await setPusher(phone, 'phone')
    await setPusher(desktop, 'desktop')
    ok(await call('DELETE', `/devices/${enc(phone.deviceId)}`, { token: desktop.token, body: { auth: passwordAuth(phone) } }))
    expect(await pushkeysOf(desktop)).toEqual(['desktop'])
  })

  it('when the password changes, unless other devices stay logged in', async () => {
    const phone = await registerAccount()
    const desktop = await logIn(phone.localpart)
    await setPusher(phone, 'phone')
    await setPusher(desktop, 'desktop')
    const change = (logout: boolean) =>
      call('POST', '/account/password', {
        token: desktop.token,
        body: { new_password: PASSWORD, logout_devices: logout, auth: passwordAuth(phone) },
      })
    ok(await change(false))
    expect(await pushkeysOf(desktop)).toEqual(['desktop', 'phone'])
    ok(await change(true))
    expect(await pushkeysOf(desktop)).toEqual(['desktop'])
  })

  it('when somebody logs in on the same device, which ends its tokens', async () => {
    const phone = await registerAccount()
    await setPusher(phone, 'phone')
    const again = await logIn(phone.localpart, { device_id: phone.deviceId })
    expect(await pushkeysOf(again)).toEqual([])
  })

  it('when a refresh token that was used comes back, because somebody else has a copy', async () => {
    const phone = await registerAccount(undefined, { refresh_token: true })
    await setPusher(phone, 'phone')
    const refresh = () => call('POST', '/refresh', { body: { refresh_token: phone.refreshToken } })
    const next = ok(await refresh()).body.access_token
    expect(await pushkeysOf({ token: next })).toEqual(['phone'])
    expect((await refresh()).status).toBe(401)
    const desktop = await logIn(phone.localpart)
    expect(await pushkeysOf(desktop)).toEqual([])
  })

  it('when every session ends, and when the account is deactivated: others may have the pushkey then', async () => {
    const phone = await registerAccount()
    const other = await registerAccount()
    await setPusher(phone, 'phone')
    ok(await call('POST', '/logout/all', { token: phone.token, body: {} }))
    const back = await logIn(phone.localpart)
    expect(await pushkeysOf(back)).toEqual([])
    await setPusher(back, 'phone')
    ok(await call('POST', '/account/deactivate', { token: back.token, body: { auth: passwordAuth(phone) } }))
    await setPusher(other, 'phone')
    expect(await pushkeysOf(other)).toEqual(['phone'])
  })
})
