import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { costsOfRequest } from '../../../src/runtime/metrics.ts'
import { accountExists, findAccount, releaseReservation, reserveAccount } from '../../../src/storage/d1/accounts.ts'
import { openRegistry } from '../../../src/storage/d1/open.ts'
import { createRegistrationToken } from '../../../src/storage/d1/registration-tokens.ts'
import { MAX_REPORT_ROWS, registerRooms, roomExists } from '../../../src/storage/d1/rooms.ts'
import { call, freshLocalpart, PASSWORD } from '../../support/api-client.ts'

const registry = openRegistry(env, 'registry-test')
const statements = () => costsOfRequest('registry-test')?.d1 ?? 0
const rows = async (query: string) => (await env.DB.prepare(query).all()).results

describe('names of accounts', () => {
  it('are taken once, and a registration token is used only together with a name', async () => {
    await createRegistrationToken(registry, { token: 'one', usesAllowed: 1, expiryTs: undefined })
    expect(await reserveAccount(registry, 'ada', undefined, 1)).toBe('reserved')
    expect(await reserveAccount(registry, 'ada', 'one', 2)).toBe('taken')
    expect(await reserveAccount(registry, 'bob', 'unknown', 2)).toBe('token-refused')
    expect(await reserveAccount(registry, 'bob', 'one', 2)).toBe('reserved')
    expect(await reserveAccount(registry, 'eve', 'one', 2)).toBe('token-refused')
    expect(await findAccount(registry, 'eve')).toBeUndefined()
    expect(await rows("SELECT completed, pending FROM registration_tokens WHERE token = 'one'")).toEqual([{ completed: 1, pending: 0 }])
  })

  it('are given back by whoever reserved them at that time only', async () => {
    await reserveAccount(registry, 'gone', undefined, 5)
    await releaseReservation(registry, 'gone', 4)
    expect(await findAccount(registry, 'gone')).toEqual({ localpart: 'gone', createdTs: 5, deactivated: false })
    await releaseReservation(registry, 'gone', 5)
    expect(await findAccount(registry, 'gone')).toBeUndefined()
  })

  it('cost one statement a batch, and none where the answer is known', async () => {
    const before = statements()
    await reserveAccount(registry, 'counted', undefined, 1)
    expect(statements()).toBe(before + 1)
    for (let count = 0; count < 3; count++) expect(await accountExists(registry, 'counted')).toBe(true)
    expect(statements()).toBe(before + 1)
    for (let count = 0; count < 3; count++) expect(await accountExists(registry, 'made-up')).toBe(false)
    expect(statements()).toBe(before + 2)
  })
})

describe('a name that was reserved by a registration that failed half-way', () => {
  const attempt = (username: string, auth: object, registration = 'open') =>
    call('POST', '/register', { body: { username, password: PASSWORD, auth }, variables: { MYELIN_REGISTRATION: registration } })
  const reserve = (localpart: string, createdTs: number) =>
    env.DB.prepare('INSERT INTO accounts (localpart, created_ts) VALUES (?, ?)').bind(localpart, createdTs).run()

  it('stays taken while somebody may still be using it', async () => {
    const name = freshLocalpart('fresh')
    await reserve(name, Date.now())
    expect((await attempt(name, { type: 'm.login.dummy' })).body.errcode).toBe('M_USER_IN_USE')
  })

  it('is not available while it is in the registry, but whoever registers it later gets it', async () => {
    const name = freshLocalpart('stale')
    await reserve(name, 1)
    expect((await attempt(name, { type: 'm.login.dummy' })).status).toBe(200)
    expect((await attempt(name, { type: 'm.login.dummy' })).body.errcode).toBe('M_USER_IN_USE')
  })

  it('costs a registration token like any other', async () => {
    const name = freshLocalpart('token')
    await reserve(name, 1)
    const auth = (token: string) => ({ type: 'm.login.registration_token', token })
    expect((await attempt(name, auth('wrong'), 'token')).status).toBe(401)
    await createRegistrationToken(registry, { token: 'right', usesAllowed: 1, expiryTs: undefined })
    expect((await attempt(name, auth('right'), 'token')).status).toBe(200)
    expect(await rows("SELECT completed FROM registration_tokens WHERE token = 'right'")).toEqual([{ completed: 1 }])
  })
})

describe('reports of rooms', () => {
  const room = (roomId: string) => ({ roomId, version: '12', createdTs: 5 })

  it('are filed in one batch, and a repeated one changes nothing', async () => {
    const reports = {
      rooms: [room('!a')],
      events: [
        { eventId: '$1', roomId: '!a' },
        { eventId: '$2', roomId: '!unknown' },
      ],
      memberships: [{ localpart: 'ada', roomId: '!a', membership: 'join', pos: 3 }],
    }
    const before = statements()
    await registerRooms(registry, reports)
    expect(statements()).toBe(before + 1)
    await registerRooms(registry, reports)
    expect(await rows('SELECT room_id, version, created_ts FROM rooms')).toEqual([{ room_id: '!a', version: '12', created_ts: 5 }])
    expect(await rows('SELECT event_id, room_id FROM event_rooms JOIN rooms USING (room_number)')).toEqual([
      { event_id: '$1', room_id: '!a' },
    ])
  })

  it('about memberships count by their position, not by their arrival', async () => {
    const report = (membership: string, pos: number) =>
      registerRooms(registry, { rooms: [room('!m')], memberships: [{ localpart: 'ada', roomId: '!m', membership, pos }] })
    await report('join', 5)
    await report('invite', 4)
    const query = "SELECT membership, pos FROM local_memberships JOIN rooms USING (room_number) WHERE room_id = '!m'"
    expect(await rows(query)).toEqual([{ membership: 'join', pos: 5 }])
    await report('leave', 9)
    expect(await rows(query)).toEqual([{ membership: 'leave', pos: 9 }])
  })

  it('say which rooms exist', async () => {
    expect(await roomExists(registry, '!none')).toBe(false)
    await registerRooms(registry, { rooms: [room('!none')] })
    expect(await roomExists(registry, '!none')).toBe(true)
  })

  it('may be many at once, up to a bound', async () => {
    const events = Array.from({ length: MAX_REPORT_ROWS }, (_, index) => ({ eventId: `$many${index}`, roomId: '!a' }))
    await registerRooms(registry, { events })
    expect(await rows("SELECT count(*) AS count FROM event_rooms WHERE event_id LIKE '$many%'")).toEqual([{ count: MAX_REPORT_ROWS }])
    await expect(registerRooms(registry, { rooms: [room('!x')], events })).rejects.toThrow(RangeError)
  })
})
