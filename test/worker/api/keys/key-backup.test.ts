import { describe, expect, it } from 'vitest'
import { call, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { enc, ok } from '../../../support/room-api.ts'

const ALGORITHM = 'm.megolm_backup.v1.curve25519-aes-sha2'
const ROOM = '!room:test.example'
const OTHER_ROOM = '!other:test.example'

const ask = (session: TestSession, method: string, path: string, body?: object) =>
  call(method, `/room_keys${path}`, { token: session.token, ...(body === undefined ? {} : { body }) })

async function newBackup(session: TestSession): Promise<string> {
  return ok(await ask(session, 'POST', '/version', { algorithm: ALGORITHM, auth_data: { public_key: 'abc' } })).body.version
}

const keyOf = (extra: object = {}) => ({
  first_message_index: 5,
  forwarded_count: 5,
  is_verified: false,
  session_data: { ciphertext: 'c' },
  ...extra,
})

describe('versions of a backup', () => {
  it('are created, read, changed and deleted; a number never comes again', async () => {
    const alice = await registerAccount()
    expect(await ask(alice, 'GET', '/version')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    const first = await newBackup(alice)
    const second = await newBackup(alice)
    const described = { algorithm: ALGORITHM, auth_data: { public_key: 'abc' }, count: 0, etag: '0' }
    expect((await ask(alice, 'GET', '/version')).body).toEqual({ ...described, version: second })
    expect((await ask(alice, 'GET', `/version/${first}`)).body).toEqual({ ...described, version: first })
    const change = { algorithm: ALGORITHM, auth_data: { public_key: 'new' } }
    expect((await ask(alice, 'PUT', `/version/${second}`, change)).status).toBe(200)
    expect((await ask(alice, 'PUT', `/version/${second}`, { ...change, version: second })).status).toBe(200)
    expect((await ask(alice, 'PUT', `/version/${second}`, { ...change, version: first })).status).toBe(400)
    expect(await ask(alice, 'PUT', `/version/${second}`, { ...change, algorithm: 'x' })).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    })
    expect((await ask(alice, 'GET', '/version')).body.auth_data).toEqual({ public_key: 'new' })
    expect((await ask(alice, 'DELETE', `/version/${second}`)).status).toBe(200)
    expect((await ask(alice, 'GET', '/version')).body.version).toBe(first)
    expect(Number(await newBackup(alice))).toBeGreaterThan(Number(second))
  })

  it.each(['99', '0', 'x', '-1', '1e3', '%27'])('answers 404 for version %s', async (version) => {
    const alice = await registerAccount()
    await newBackup(alice)
    for (const method of ['GET', 'DELETE']) expect((await ask(alice, method, `/version/${version}`)).status).toBe(404)
    expect((await ask(alice, 'GET', `/keys?version=${version}`)).status).toBe(404)
    expect((await ask(alice, 'DELETE', `/keys?version=${version}`)).status).toBe(404)
  })
})

describe('keys of a backup', () => {
  it('are stored and read one by one, by room and all together, and counted (D11)', async () => {
    const alice = await registerAccount()
    const version = await newBackup(alice)
    const one = `/keys/${enc(ROOM)}/s1?version=${version}`
    expect((await ask(alice, 'PUT', one, keyOf())).body).toEqual({ count: 1, etag: '1' })
    const room = `/keys/${enc(ROOM)}?version=${version}`
    expect((await ask(alice, 'PUT', room, { sessions: { s2: keyOf(), 'a/b+c=': keyOf() } })).body).toEqual({ count: 3, etag: '2' })
    const all = `/keys?version=${version}`
    const rooms = { rooms: { [OTHER_ROOM]: { sessions: { s3: keyOf() } }, [ROOM]: { sessions: { s1: keyOf() } } } }
    expect((await ask(alice, 'PUT', all, rooms)).body, 'a key that is there already changes nothing').toEqual({ count: 4, etag: '3' })
    expect((await ask(alice, 'GET', one)).body).toEqual(keyOf())
    expect((await ask(alice, 'GET', `/keys/${enc(ROOM)}/${enc('a/b+c=')}?version=${version}`)).body).toEqual(keyOf())
    const sessions = { s1: keyOf(), s2: keyOf(), 'a/b+c=': keyOf() }
    expect((await ask(alice, 'GET', room)).body).toEqual({ sessions })
    expect((await ask(alice, 'GET', all)).body).toEqual({ rooms: { [ROOM]: { sessions }, [OTHER_ROOM]: { sessions: { s3: keyOf() } } } })
    expect((await ask(alice, 'DELETE', one)).body).toEqual({ count: 3, etag: '4' })
    expect(await ask(alice, 'GET', one)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect((await ask(alice, 'DELETE', one)).body).toEqual({ count: 3, etag: '4' })
    expect((await ask(alice, 'DELETE', room)).body).toEqual({ count: 1, etag: '5' })
    expect((await ask(alice, 'GET', room)).body).toEqual({ sessions: {} })
    expect((await ask(alice, 'DELETE', all)).body).toEqual({ count: 0, etag: '6' })
    expect((await ask(alice, 'GET', all)).body).toEqual({ rooms: {} })
    expect((await ask(alice, 'GET', '/version')).body).toMatchObject({ count: 0, etag: '6' })
  })

  it.each([
    ['verified', { is_verified: true, first_message_index: 9, forwarded_count: 9 }, true],
    ['earlier', { first_message_index: 4, forwarded_count: 9 }, true],
    ['less forwarded', { forwarded_count: 4 }, true],
    ['the same', {}, false],
    ['later', { first_message_index: 6, forwarded_count: 0 }, false],
    ['more forwarded', { forwarded_count: 6 }, false],
  ])('a key that is %s replaces what is there or not (D11)', async (_what, extra, replaces) => {
    const alice = await registerAccount()
    const version = await newBackup(alice)
    const path = `/keys/${enc(ROOM)}/s?version=${version}`
    await ask(alice, 'PUT', path, keyOf())
    const better = keyOf({ ...extra, session_data: { ciphertext: 'new' } })
    expect((await ask(alice, 'PUT', path, better)).body).toEqual({ count: 1, etag: replaces ? '2' : '1' })
    expect((await ask(alice, 'GET', path)).body).toEqual(replaces ? better : keyOf())
    if (replaces) return
    await ask(alice, 'PUT', path, keyOf({ is_verified: true }))
    await ask(alice, 'PUT', path, keyOf({ first_message_index: 0 }))
    expect((await ask(alice, 'GET', path)).body.is_verified).toBe(true)
  })

  it('go into the current version only; the others say which that is (D11)', async () => {
    const alice = await registerAccount()
    const path = (version: string) => `/keys/${enc(ROOM)}/s?version=${version}`
    expect((await ask(alice, 'PUT', path('1'), keyOf())).status).toBe(404)
    const first = await newBackup(alice)
    await ask(alice, 'PUT', path(first), keyOf())
    const second = await newBackup(alice)
    for (const version of [first, '99', 'x']) {
      expect(await ask(alice, 'PUT', path(version), keyOf())).toMatchObject({
        status: 403,
        body: { errcode: 'M_WRONG_ROOM_KEYS_VERSION', current_version: second },
      })
    }
    expect((await ask(alice, 'GET', path(first))).body).toEqual(keyOf())
    expect((await ask(alice, 'PUT', `/keys/${enc(ROOM)}/s`, keyOf())).status).toBe(400)
  })

  it('are nobody else’s (D11)', async () => {
    const alice = await registerAccount()
    const bob = await registerAccount()
    const version = await newBackup(alice)
    await ask(alice, 'PUT', `/keys/${enc(ROOM)}/s?version=${version}`, keyOf())
    expect((await ask(bob, 'GET', '/version')).status).toBe(404)
    expect((await ask(bob, 'GET', `/keys?version=${version}`)).status).toBe(404)
    expect((await call('GET', `/room_keys/keys?version=${version}`)).status).toBe(401)
  })

  it.each([
    {},
    keyOf({ first_message_index: -1 }),
    keyOf({ is_verified: 'yes' }),
    keyOf({ session_data: null }),
    keyOf({ forwarded_count: 0.5 }),
  ])('refuses %j', async (body) => {
    const alice = await registerAccount()
    const version = await newBackup(alice)
    expect((await ask(alice, 'PUT', `/keys/${enc(ROOM)}/s?version=${version}`, body)).status).toBe(400)
  })

  it('come back complete when there are many', async () => {
    const alice = await registerAccount()
    const version = await newBackup(alice)
    const rooms: Record<string, { sessions: Record<string, object> }> = {}
    for (let n = 0; n < 2_500; n += 1) {
      const room = `!room${n % 7}:test.example`
      rooms[room] ??= { sessions: {} }
      Object.assign(rooms[room].sessions, { [`session${n}`]: keyOf({ first_message_index: n }) })
    }
    expect((await ask(alice, 'PUT', `/keys?version=${version}`, { rooms })).body).toEqual({ count: 2_500, etag: '1' })
    expect((await ask(alice, 'GET', `/keys?version=${version}`)).body).toEqual({ rooms })
    expect((await ask(alice, 'GET', `/keys/${enc('!room3:test.example')}?version=${version}`)).body).toEqual(rooms['!room3:test.example'])
  })
})
