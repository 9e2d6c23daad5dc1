import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ENDPOINTS } from '../../../../src/api/index.ts'
import { call, freshLocalpart, logIn, PASSWORD, passwordAuth, registerAccount, tryLogin, whoami } from '../../../support/api-client.ts'
import { createRoom, enc, join, ok, redact, say } from '../../../support/room-api.ts'

const SECRET = 'a shared secret for tests'
const LOCKED = { status: 401, body: { errcode: 'M_USER_LOCKED', soft_logout: true } }
const SUSPENDED = { status: 403, body: { errcode: 'M_USER_SUSPENDED' } }

/** What suspended accounts may not do: what others would see, what vouches for them elsewhere, and what is for administrators. */
const CLOSED = [
  'DELETE /_synapse/admin/v1/event_reports/:id',
  'DELETE /_synapse/admin/v1/media/:serverName/:mediaId',
  'DELETE /_synapse/admin/v1/room_reports/:id',
  'DELETE /_synapse/admin/v1/user_reports/:id',
  'DELETE directory/room/:roomAlias',
  'DELETE profile/:userId/:keyName',
  'POST /_matrix/media/v1/create',
  'POST /_matrix/media/v3/upload',
  'POST /_synapse/admin/v1/media/quarantine/:serverName/:mediaId',
  'POST /_synapse/admin/v1/media/unquarantine/:serverName/:mediaId',
  'POST /_synapse/admin/v1/purge_media_cache',
  'POST createRoom',
  'POST join/:roomIdOrAlias',
  'POST knock/:roomIdOrAlias',
  'POST rooms/:roomId/ban',
  'POST rooms/:roomId/invite',
  'POST rooms/:roomId/join',
  'POST rooms/:roomId/kick',
  'POST rooms/:roomId/unban',
  'POST rooms/:roomId/upgrade',
  'POST user/:userId/openid/request_token',
  'PUT /_matrix/client/unstable/org.matrix.msc4140/rooms/:roomId/delayed_event/:eventType/:txnId',
  'PUT /_matrix/media/v3/upload/:serverName/:mediaId',
  'PUT admin/lock/:userId',
  'PUT admin/suspend/:userId',
  'PUT directory/list/room/:roomId',
  'PUT directory/room/:roomAlias',
  'PUT presence/:userId/status',
  'PUT profile/:userId/:keyName',
  'PUT rooms/:roomId/send/:eventType/:txnId',
  'PUT rooms/:roomId/state/:eventType/:stateKey?',
  'PUT rooms/:roomId/typing/:userId',
]

async function administrator(): Promise<{ readonly token: string; readonly userId: string }> {
  const path = '/_synapse/admin/v1/register'
  const nonce: string = (await call('GET', path)).body.nonce
  const username = freshLocalpart('admin')
  const mac = createHmac('sha1', SECRET).update([nonce, username, PASSWORD, 'admin'].join('\0')).digest('hex')
  const { body } = ok(await call('POST', path, { body: { nonce, username, password: PASSWORD, admin: true, mac } }))
  return { token: body.access_token, userId: body.user_id }
}

const lockPath = (userId: string) => `/_matrix/client/v1/admin/lock/${enc(userId)}`
const suspendPath = (userId: string) => `/_matrix/client/v1/admin/suspend/${enc(userId)}`
const setLock = (token: string, userId: string, locked: boolean) => call('PUT', lockPath(userId), { token, body: { locked } })
const setSuspension = (token: string, userId: string, suspended: boolean) =>
  call('PUT', suspendPath(userId), { token, body: { suspended } })

describe('administrators', () => {
  it('see and change what is imposed on an account', async () => {
    const [admin, alice] = [await administrator(), await registerAccount()]
    expect((await call('GET', lockPath(alice.userId), { token: admin.token })).body).toEqual({ locked: false })
    expect((await setLock(admin.token, alice.userId, true)).body).toEqual({ locked: true })
    expect((await call('GET', lockPath(alice.userId), { token: admin.token })).body).toEqual({ locked: true })
    expect((await setSuspension(admin.token, alice.userId, true)).body).toEqual({ suspended: true })
    expect((await setLock(admin.token, alice.userId, false)).body).toEqual({ locked: false })
    expect((await call('GET', suspendPath(alice.userId), { token: admin.token })).body).toEqual({ suspended: true })
  })

  it('are told that they can, and others are not', async () => {
    const [admin, alice] = [await administrator(), await registerAccount()]
    const capabilities = async (token: string) => (await call('GET', '/capabilities', { token })).body.capabilities
    expect(await capabilities(admin.token)).toMatchObject({ 'm.account_moderation': { lock: true, suspend: true } })
    expect(await capabilities(alice.token)).not.toHaveProperty('m.account_moderation')
  })

  it('are the only ones who learn which accounts exist', async () => {
    const [admin, alice, bob] = [await administrator(), await registerAccount(), await registerAccount()]
    const nobody = '@nobody-at-all:test.example'
    for (const target of [bob.userId, nobody, '@x:elsewhere.example']) {
      expect(await setLock(alice.token, target, true)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    }
    expect(await setLock(admin.token, nobody, true)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(await setLock(admin.token, '@x:elsewhere.example', true)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })

  it('can do nothing to themselves and to one another', async () => {
    const [admin, other] = [await administrator(), await administrator()]
    for (const target of [admin, other]) {
      expect(await setSuspension(admin.token, target.userId, true)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    }
  })
})

describe('a locked account (A1, A3)', () => {
  it('is refused at once everywhere but at the exit, and is itself again when unlocked', async () => {
    const admin = await administrator()
    const alice = await registerAccount(freshLocalpart(), { refresh_token: true })
    ok(await setLock(admin.token, alice.userId, true))
    expect(await whoami(alice.token)).toMatchObject(LOCKED)
    expect(await call('GET', '/sync', { token: alice.token })).toMatchObject(LOCKED)
    expect(await call('POST', '/createRoom', { token: alice.token, body: {} })).toMatchObject(LOCKED)
    expect(await tryLogin(alice.localpart)).toMatchObject(LOCKED)
    expect(await tryLogin(alice.localpart, 'wrong')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await call('POST', '/refresh', { body: { refresh_token: alice.refreshToken } })).toMatchObject(LOCKED)
    ok(await setLock(admin.token, alice.userId, false))
    expect((await whoami(alice.token)).status).toBe(200)
  })

  it('has its waiting polls ended', async () => {
    const [admin, alice] = [await administrator(), await registerAccount()]
    const { next_batch: since } = ok(await call('GET', '/sync', { token: alice.token })).body
    const poll = call('GET', `/sync?since=${enc(since)}&timeout=30000`, { token: alice.token })
    ok(await setLock(admin.token, alice.userId, true))
    expect(await poll).toMatchObject(LOCKED)
  })

  it('can log out', async () => {
    const [admin, alice] = [await administrator(), await registerAccount()]
    const second = await logIn(alice.localpart)
    ok(await setLock(admin.token, alice.userId, true))
    ok(await call('POST', '/logout', { token: alice.token }))
    ok(await call('POST', '/logout/all', { token: second.token }))
    ok(await setLock(admin.token, alice.userId, false))
    for (const { token } of [alice, second]) expect((await whoami(token)).body.errcode).toBe('M_UNKNOWN_TOKEN')
  })
})

describe('a suspended account (A1)', () => {
  async function suspendedMember() {
    const [admin, alice, bob] = [await administrator(), await registerAccount(), await registerAccount()]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const words: string = ok(await say(bob, roomId, 'mine')).body.event_id
    const others: string = ok(await say(alice, roomId, 'hers')).body.event_id
    ok(await setSuspension(admin.token, bob.userId, true))
    return { admin, alice, bob, roomId, words, others }
  }

  it('does nothing that others would see', async () => {
    const { alice, bob, roomId, others } = await suspendedMember()
    const another = await createRoom(alice, { preset: 'public_chat' })
    const send = (method: string, path: string, body: unknown = {}) => call(method, path, { token: bob.token, body })
    const attempts: [string, string, unknown?][] = [
      ['PUT', `/rooms/${enc(roomId)}/send/m.room.message/t1`, { body: 'x' }],
      ['PUT', `/rooms/${enc(roomId)}/state/m.room.topic/`, { topic: 'x' }],
      ['PUT', `/rooms/${enc(roomId)}/typing/${enc(bob.userId)}`, { typing: true, timeout: 1_000 }],
      ['POST', `/rooms/${enc(another)}/join`],
      ['POST', `/join/${enc(another)}`],
      ['POST', `/knock/${enc(another)}`],
      ['POST', `/rooms/${enc(roomId)}/invite`, { user_id: alice.userId }],
      ['POST', '/createRoom'],
      ['PUT', `/profile/${enc(bob.userId)}/displayname`, { displayname: 'x' }],
      ['PUT', `/rooms/${enc(roomId)}/redact/${enc(others)}/t2`],
      ['PUT', `/rooms/${enc(roomId)}/redact/${enc('$nothing')}/t3`],
    ]
    for (const [method, path, body] of attempts) expect(await send(method, path, body), path).toMatchObject(SUSPENDED)
  })

  it('logs in, reads, takes its own words back, leaves and logs out', async () => {
    const { bob, roomId, words } = await suspendedMember()
    const second = await logIn(bob.localpart)
    expect((await call('GET', '/sync', { token: second.token })).body.rooms.join).toHaveProperty(roomId)
    ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b`, { token: bob.token }))
    ok(await redact(bob, roomId, words))
    ok(await call('POST', `/rooms/${enc(roomId)}/leave`, { token: bob.token, body: {} }))
    ok(await call('POST', '/logout', { token: bob.token }))
  })

  it('searches the directory and keeps its own settings', async () => {
    const { bob, roomId } = await suspendedMember()
    const may: [string, string, unknown?][] = [
      ['POST', '/publicRooms', {}],
      ['POST', '/pushers/set', { app_id: 'a.b', pushkey: 'none', kind: null }],
      ['PUT', `/pushrules/global/override/quiet`, { conditions: [], actions: [] }],
      ['PUT', `/user/${enc(bob.userId)}/account_data/org.example`, { a: 1 }],
      ['POST', `/rooms/${enc(roomId)}/read_markers`, {}],
      ['POST', '/keys/upload', {}],
      ['POST', '/keys/query', { device_keys: {} }],
    ]
    for (const [method, path, body] of may) expect((await call(method, path, { token: bob.token, body })).status, path).toBe(200)
  })

  it('is itself again when restored', async () => {
    const { admin, bob, roomId } = await suspendedMember()
    ok(await setSuspension(admin.token, bob.userId, false))
    ok(await say(bob, roomId, 'again'))
  })
})

describe('O4: what is left of an account', () => {
  it('is reading and taking back when it is suspended, the exit when it is locked, nothing when it is deactivated; its data stays where it is', async () => {
    const [admin, alice] = [await administrator(), await registerAccount(freshLocalpart(), { refresh_token: true })]
    const roomId = await createRoom(alice, { name: 'kept' })
    const words: string = ok(await say(alice, roomId, 'mine')).body.event_id
    const rooms = (token: string) => call('GET', '/sync', { token })
    ok(await setSuspension(admin.token, alice.userId, true))
    expect(Object.keys(ok(await rooms(alice.token)).body.rooms.join)).toEqual([roomId])
    expect(await say(alice, roomId, 'more')).toMatchObject(SUSPENDED)
    ok(await redact(alice, roomId, words))
    ok(await setLock(admin.token, alice.userId, true))
    for (const path of ['/sync', '/account/whoami', `/rooms/${enc(roomId)}/messages?dir=b`, `/rooms/${enc(roomId)}/state`, '/devices']) {
      const answer = await call('GET', path, { token: alice.token })
      expect(answer, path).toMatchObject(LOCKED)
      expect(Object.keys(answer.body).sort()).toEqual(['errcode', 'error', 'soft_logout'])
    }
    expect(await tryLogin(alice.localpart)).toMatchObject(LOCKED)
    expect(await call('POST', '/refresh', { body: { refresh_token: alice.refreshToken } })).toMatchObject(LOCKED)
    ok(await setLock(admin.token, alice.userId, false))
    ok(await setSuspension(admin.token, alice.userId, false))
    ok(await say(alice, roomId, 'back'))
    ok(await call('POST', '/account/deactivate', { token: alice.token, body: { auth: passwordAuth(alice) } }))
    expect((await rooms(alice.token)).status).toBe(401)
    expect(await tryLogin(alice.localpart)).toMatchObject({ status: 403, body: { errcode: 'M_USER_DEACTIVATED' } })
    expect(await call('POST', '/refresh', { body: { refresh_token: alice.refreshToken } })).toMatchObject({ status: 401 })
  })
})

describe('endpoints', () => {
  it('that change something are closed to suspended accounts unless they say otherwise', () => {
    const open = ENDPOINTS.filter(({ auth, method, standing }) => auth === 'user' && method !== 'GET' && standing !== 'unrestricted')
    const visibleToOthers = /\/(send|state|join|knock|invite|kick|ban|unban|typing|createRoom|profile|directory|upgrade)(\/|$)/
    expect(open.flatMap(({ paths }) => paths).filter((path) => visibleToOthers.test(path))).toEqual([])
  })

  it('are closed to suspended accounts one by one, so that each new one is thought about', () => {
    const closed = ENDPOINTS.filter(({ auth, standing }) => auth === 'user' && standing === 'unrestricted')
    const named = closed.map(({ method, paths }) => `${method} ${(paths[0] ?? '').replace(/^\/_matrix\/client\/v\d\//, '')}`)
    expect(named.sort()).toEqual(CLOSED)
  })

  it('are open to locked accounts only at the exit', () => {
    const open = ENDPOINTS.filter(({ auth, standing }) => auth === 'user' && standing === 'any')
    expect(open.map(({ paths }) => paths[0])).toEqual(['/_matrix/client/v3/logout', '/_matrix/client/v3/logout/all'])
  })
})
