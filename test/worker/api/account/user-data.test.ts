import { beforeAll, describe, expect, it } from 'vitest'
import { call, registerAccount, type TestSession } from '../../../support/api-client.ts'

let session: TestSession
let token: string
beforeAll(async () => {
  session = await registerAccount()
  token = session.token
})
const ROOM = '!room:test.example'

describe('the profile', () => {
  const field = (name: string) => `/profile/${session.userId}/${name}`
  const put = (name: string, body: object | string) => call('PUT', field(name), { token, body })

  it('can be read by everybody, as a whole and by field', async () => {
    expect((await call('GET', `/profile/${session.userId}`)).body).toEqual({})
    expect((await put('displayname', { displayname: 'Ada' })).body).toEqual({})
    expect((await put('avatar_url', { avatar_url: 'mxc://test.example/abc' })).status).toBe(200)
    expect((await put('m.tz', { 'm.tz': 'Europe/Berlin' })).status).toBe(200)
    expect((await put('org.example.job', { 'org.example.job': { title: ['x', 1, null] } })).status).toBe(200)
    expect((await call('GET', `/profile/${session.userId}`)).body).toEqual({
      displayname: 'Ada',
      avatar_url: 'mxc://test.example/abc',
      'm.tz': 'Europe/Berlin',
      'org.example.job': { title: ['x', 1, null] },
    })
    expect((await call('GET', field('displayname'))).body).toEqual({ displayname: 'Ada' })
    expect((await call('GET', field('org.example.none'))).status).toBe(404)
  })

  it('loses fields by DELETE, and name and avatar by an empty text', async () => {
    await put('displayname', { displayname: 'Ada' })
    expect((await call('DELETE', field('displayname'), { token })).body).toEqual({})
    expect((await call('GET', field('displayname'))).status).toBe(404)
    await put('avatar_url', { avatar_url: '' })
    expect((await call('GET', field('avatar_url'))).status).toBe(404)
  })

  it.each([
    ['displayname', {}, 'M_MISSING_PARAM'],
    ['displayname', { displayname: 5 }, 'M_BAD_JSON'],
    ['displayname', { displayname: 'x'.repeat(257) }, 'M_INVALID_PARAM'],
    ['avatar_url', { avatar_url: `mxc://${'x'.repeat(1_000)}` }, 'M_INVALID_PARAM'],
    ['__proto__', '{"__proto__":1}', 'M_INVALID_PARAM'],
    ['constructor', { constructor: 1 }, 'M_INVALID_PARAM'],
    ['Upper.case', { 'Upper.case': 1 }, 'M_INVALID_PARAM'],
    [`a.${'b'.repeat(254)}`, { [`a.${'b'.repeat(254)}`]: 1 }, 'M_KEY_TOO_LARGE'],
    ['a.big', { 'a.big': 'x'.repeat(70_000) }, 'M_PROFILE_TOO_LARGE'],
  ])('refuses %s = %j (A20)', async (name, body, errcode) => {
    expect(await put(name, body)).toMatchObject({ status: 400, body: { errcode } })
  })

  it('is changed by its owner only; unknown users have none', async () => {
    const other = await registerAccount()
    const body = { displayname: 'Mallory' }
    expect(await call('PUT', field('displayname'), { token: other.token, body })).toMatchObject({ status: 403 })
    expect(await call('DELETE', field('displayname'), { token: other.token })).toMatchObject({ status: 403 })
    expect(await call('GET', '/profile/@nobody:test.example')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    // Another server would be asked; there is none of that name.
    expect((await call('GET', '/profile/@someone:elsewhere.invalid')).status).toBe(502)
    expect((await call('GET', '/profile/nonsense')).status).toBe(400)
  })
})

describe('account data', () => {
  const path = (type: string, room?: string) =>
    `/user/${session.userId}${room === undefined ? '' : `/rooms/${encodeURIComponent(room)}`}/account_data/${type}`

  it('is kept globally and for each room, and comes back as it was', async () => {
    for (const room of [undefined, ROOM]) {
      const body = { room: room ?? null, nested: [{ a: 1.5 }] }
      expect((await call('GET', path('org.example.x', room), { token })).status).toBe(404)
      expect((await call('PUT', path('org.example.x', room), { token, body })).body).toEqual({})
      expect((await call('GET', path('org.example.x', room), { token })).body).toEqual(body)
    }
  })

  it.each(['m.push_rules', 'm.fully_read'])('of type %s is the server’s (A20)', async (type) => {
    for (const room of [undefined, ROOM]) {
      expect(await call('PUT', path(type, room), { token, body: {} })).toMatchObject({ status: 405, body: { errcode: 'M_BAD_JSON' } })
    }
  })

  it('of type m.push_rules can be read', async () => {
    expect((await call('GET', path('m.push_rules'), { token })).body.global.override[0].rule_id).toBe('.m.rule.master')
  })

  it('of others cannot be read or written', async () => {
    const other = await registerAccount()
    expect((await call('GET', path('org.example.x'), { token: other.token })).status).toBe(403)
    expect((await call('PUT', path('org.example.x'), { token: other.token, body: {} })).status).toBe(403)
  })

  it('has a bound, and needs a room ID where it is for a room', async () => {
    const body = { text: 'x'.repeat(300_000) }
    expect(await call('PUT', path('big'), { token, body })).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    expect(await call('PUT', path('x', 'no-room'), { token, body: {} })).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    })
  })
})

describe('filters', () => {
  const create = (body: unknown) => call('POST', `/user/${session.userId}/filter`, { token, body })
  const read = (id: string) => call('GET', `/user/${session.userId}/filter/${id}`, { token })

  it('come back as they were posted, the same one under the same ID', async () => {
    const filter = { room: { timeline: { limit: 10 }, state: { lazy_load_members: true } }, 'org.example': { __proto: 1 } }
    const { filter_id: id } = (await create(filter)).body
    expect((await read(id)).body).toEqual(filter)
    expect((await create(filter)).body.filter_id).toBe(id)
    expect((await create({})).body.filter_id).not.toBe(id)
  })

  it.each([{ room: 'x' }, { room: { timeline: [] } }, { room: { rooms: 'x' } }, { event_fields: 5 }, { presence: { types: [1] } }])(
    'of the wrong shape are refused: %j',
    async (filter) => {
      expect(await create(filter)).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    },
  )

  it.each(['0', '999', '-1', 'x', '1e3', '__proto__', '%31%2F'])('called %s are not found', async (id) => {
    expect(await read(id)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })
})

describe('push rules', () => {
  const rule = '/pushrules/global/room/!room:test.example'

  it('are the defaults at first', async () => {
    const all = await call('GET', '/pushrules/', { token })
    expect(Object.keys(all.body.global).sort()).toEqual(['content', 'override', 'room', 'sender', 'underride'])
    expect((await call('GET', '/pushrules/global/', { token })).body).toEqual(all.body.global)
    expect((await call('GET', '/pushrules/global/override/.m.rule.master', { token })).body).toMatchObject({
      enabled: false,
      default: true,
    })
  })

  it('can be added, switched, changed and removed', async () => {
    expect((await call('PUT', rule, { token, body: { actions: ['notify'] } })).body).toEqual({})
    expect((await call('GET', rule, { token })).body).toMatchObject({ rule_id: ROOM, enabled: true, actions: ['notify'] })
    expect((await call('PUT', `${rule}/enabled`, { token, body: { enabled: false } })).status).toBe(200)
    expect((await call('GET', `${rule}/enabled`, { token })).body).toEqual({ enabled: false })
    expect((await call('PUT', `${rule}/actions`, { token, body: { actions: [] } })).status).toBe(200)
    expect((await call('GET', `${rule}/actions`, { token })).body).toEqual({ actions: [] })
    expect((await call('DELETE', rule, { token })).status).toBe(200)
    expect((await call('GET', rule, { token })).status).toBe(404)
    expect((await call('DELETE', rule, { token })).status).toBe(404)
  })

  it('that are defaults can be switched and not removed', async () => {
    const path = '/pushrules/global/override/.m.rule.master'
    expect((await call('PUT', `${path}/enabled`, { token, body: { enabled: true } })).status).toBe(200)
    expect((await call('GET', path, { token })).body.enabled).toBe(true)
    expect((await call('DELETE', path, { token })).status).toBe(404)
  })

  it.each([
    ['/pushrules/global/nonsense/x', { actions: [] }],
    ['/pushrules/global/override/.m.rule.own', { actions: [], conditions: [] }],
    ['/pushrules/global/override/x', { actions: 'notify' }],
    ['/pushrules/global/content/x', { actions: [] }],
    ['/pushrules/global/__proto__/x', { actions: [] }],
  ])('of the wrong shape are refused: %s %j', async (path, body) => {
    expect((await call('PUT', path, { token, body })).status).toBe(400)
  })
})
