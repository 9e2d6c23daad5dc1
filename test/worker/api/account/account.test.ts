import { describe, expect, it } from 'vitest'
import { call, logIn, PASSWORD, passwordAuth, registerAccount, tryLogin, whoami } from '../../../support/api-client.ts'

describe('devices', () => {
  it('are listed with name, address and time', async () => {
    const session = await registerAccount(undefined, { device_id: 'ONE', initial_device_display_name: 'First' })
    await logIn(session.localpart, { device_id: 'TWO' })
    const headers = { 'CF-Connecting-IP': '192.0.2.7' }
    const { body } = await call('GET', '/devices', { token: session.token, headers })
    expect(body.devices).toHaveLength(2)
    expect(body.devices[0]).toMatchObject({
      device_id: 'ONE',
      display_name: 'First',
      last_seen_ts: expect.any(Number),
      last_seen_ip: '192.0.2.7',
    })
    expect(body.devices[1]).toMatchObject({ device_id: 'TWO' })
    expect(body.devices[1]).not.toHaveProperty('display_name')
  })

  it('are renamed; unknown ones are not found', async () => {
    const { token, deviceId } = await registerAccount()
    expect(await call('PUT', `/devices/${deviceId}`, { token, body: { display_name: 'New' } })).toMatchObject({ status: 200, body: {} })
    expect((await call('GET', `/devices/${deviceId}`, { token })).body.display_name).toBe('New')
    expect((await call('PUT', `/devices/${deviceId}`, { token, body: {} })).status).toBe(200)
    expect((await call('GET', `/devices/${deviceId}`, { token })).body.display_name).toBe('New')
    expect(await call('PUT', '/devices/unknown', { token, body: { display_name: 'x' } })).toMatchObject({ status: 404 })
    expect(await call('GET', '/devices/unknown', { token })).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  it('of others cannot be seen or removed', async () => {
    const [owner, other] = [await registerAccount(), await registerAccount()]
    expect((await call('GET', `/devices/${owner.deviceId}`, { token: other.token })).status).toBe(404)
    await call('DELETE', `/devices/${owner.deviceId}`, { token: other.token, body: { auth: passwordAuth(other) } })
    expect((await whoami(owner.token)).status).toBe(200)
  })
})

describe('the password', () => {
  const change = (session: { token: string; userId: string }, password: string, extra = {}) =>
    call('POST', '/account/password', { token: session.token, body: { new_password: password, auth: passwordAuth(session), ...extra } })

  it('can be changed; this session goes on, others end', async () => {
    const session = await registerAccount()
    const other = await logIn(session.localpart)
    expect(await change(session, 'something new')).toMatchObject({ status: 200, body: {} })
    expect((await whoami(session.token)).status).toBe(200)
    expect((await whoami(other.token)).status).toBe(401)
    expect((await tryLogin(session.localpart)).status).toBe(403)
    expect((await tryLogin(session.localpart, 'something new')).status).toBe(200)
  })

  it('can be changed with other sessions going on', async () => {
    const session = await registerAccount()
    const other = await logIn(session.localpart)
    expect((await change(session, 'something new', { logout_devices: false })).status).toBe(200)
    expect((await whoami(other.token)).status).toBe(200)
  })

  it('cannot be empty', async () => {
    const session = await registerAccount()
    expect(await change(session, '')).toMatchObject({ status: 400, body: { errcode: 'M_WEAK_PASSWORD' } })
    expect((await tryLogin(session.localpart)).status).toBe(200)
  })
})

describe('a deactivated account', () => {
  it('is gone: no login, no profile, no data; its name is not given out again', async () => {
    const session = await registerAccount()
    const { token, userId, localpart } = session
    await call('PUT', `/profile/${userId}/displayname`, { token, body: { displayname: 'Me' } })
    const answer = await call('POST', '/account/deactivate', { token, body: { erase: true, auth: passwordAuth(session) } })
    expect(answer).toMatchObject({ status: 200, body: { id_server_unbind_result: 'no-support' } })
    expect((await whoami(token)).status).toBe(401)
    expect(await tryLogin(localpart)).toMatchObject({ status: 403, body: { errcode: 'M_USER_DEACTIVATED' } })
    expect((await call('GET', `/profile/${userId}`)).status).toBe(404)
    const again = await call('POST', '/register', { body: { username: localpart, password: PASSWORD, auth: { type: 'm.login.dummy' } } })
    expect(again).toMatchObject({ status: 400, body: { errcode: 'M_USER_IN_USE' } })
  })
})

describe('what clients ask at their start', () => {
  it('is answered: versions, capabilities, third-party identifiers, discovery', async () => {
    const { token } = await registerAccount()
    const versions = await call('GET', '/_matrix/client/versions')
    expect(versions.body.versions).toContain('v1.11')
    expect(Object.values(versions.body.unstable_features).every((value) => value === true)).toBe(true)
    const { capabilities } = (await call('GET', '/capabilities', { token })).body
    expect(capabilities['m.room_versions']).toEqual({
      default: '12',
      available: {
        ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((version) => [version, 'stable'])),
        'org.matrix.msc3757.10': 'unstable',
        'org.matrix.msc3757.11': 'unstable',
      },
    })
    expect(capabilities['m.change_password']).toEqual({ enabled: true })
    const profile = ['m.set_displayname', 'm.set_avatar_url', 'm.profile_fields'].map((name) => capabilities[name])
    expect(profile).toEqual([{ enabled: true }, { enabled: true }, { enabled: true }])
    const missing = ['m.3pid_changes', 'm.get_login_token'].map((name) => capabilities[name])
    expect(missing).toEqual([{ enabled: false }, { enabled: false }])
    for (const path of ['/account/3pid/add', '/_matrix/client/v1/login/get_token']) {
      expect((await call('POST', path, { token, body: {} })).status, path).toBe(404)
    }
    expect((await call('GET', '/account/3pid', { token })).body).toEqual({ threepids: [] })
    expect((await call('GET', '/.well-known/matrix/client')).body).toEqual({ 'm.homeserver': { base_url: 'https://test.example' } })
    expect((await call('GET', '/.well-known/matrix/server')).body).toEqual({ 'm.server': 'test.example:443' })
  })
})
