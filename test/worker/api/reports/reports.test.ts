import { describe, expect, it } from 'vitest'
import { registerAdmin } from '../../../support/admin.ts'
import { call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, ok, people, redact, say } from '../../../support/room-api.ts'

const ADMIN = '/_synapse/admin/v1'

function post(who: TestSession | undefined, path: string, body: unknown) {
  return call('POST', path, { ...(who !== undefined && { token: who.token }), body })
}

async function crowd(): Promise<{
  readonly alice: TestSession
  readonly bob: TestSession
  readonly eve: TestSession
  readonly roomId: string
}> {
  const [alice, bob, eve] = await people(3)
  if (alice === undefined || bob === undefined || eve === undefined) throw new Error('nobody')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, eve, roomId }
}

async function listed(admin: TestSession, name: string, query: string): Promise<Record<string, unknown>[]> {
  const { body } = ok(await call('GET', `${ADMIN}/${name}?${query}`, { token: admin.token }))
  return body[name]
}

describe('reporting an event', () => {
  it('tells administrators what it was, who sent it and why, also after it was redacted', async () => {
    const { alice, bob, roomId } = await crowd()
    const eventId: string = ok(await say(alice, roomId, 'something bad')).body.event_id
    expect(ok(await post(bob, `/rooms/${enc(roomId)}/report/${enc(eventId)}`, { reason: 'it is bad', score: -100 })).body).toEqual({})
    ok(await redact(alice, roomId, eventId))
    const admin = await registerAdmin()
    const [report] = await listed(admin, 'event_reports', `room_id=${enc(roomId)}`)
    expect(report).toMatchObject({ event_id: eventId, room_id: roomId, sender: alice.userId, user_id: bob.userId, reason: 'it is bad' })
    const { body } = ok(await call('GET', `${ADMIN}/event_reports/${report?.id}`, { token: admin.token }))
    expect(body.event_json).toMatchObject({ event_id: eventId, content: { body: 'something bad' } })
  })

  it('is for those who are in the room, and of events that they may see', async () => {
    const { alice, bob, eve, roomId } = await crowd()
    const eventId: string = ok(await say(alice, roomId, 'hello')).body.event_id
    const path = `/rooms/${enc(roomId)}/report/${enc(eventId)}`
    for (const answer of [
      await post(eve, path, {}),
      await post(bob, `/rooms/${enc(roomId)}/report/${enc('$nothing')}`, {}),
      await post(bob, `/rooms/${enc('!nowhere:test.example')}/report/${enc(eventId)}`, {}),
    ])
      expect([answer.status, answer.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    expect((await post(undefined, path, {})).status).toBe(401)
    expect((await post(bob, path, { reason: 'x'.repeat(2_001) })).status).toBe(400)
  })

  it('changes its reason when it comes again', async () => {
    const { alice, bob, roomId } = await crowd()
    const eventId: string = ok(await say(alice, roomId, 'hello')).body.event_id
    for (const reason of ['first', 'second']) ok(await post(bob, `/rooms/${enc(roomId)}/report/${enc(eventId)}`, { reason }))
    const reports = await listed(await registerAdmin(), 'event_reports', `room_id=${enc(roomId)}`)
    expect(reports.map(({ reason }) => reason)).toEqual(['second'])
  })

  it('is possible fifty times a day', async () => {
    const { alice, bob, roomId } = await crowd()
    const statuses: number[] = []
    for (let n = 0; n < 51; n += 1) {
      const eventId: string = ok(await say(alice, roomId, `${n}`)).body.event_id
      statuses.push((await post(bob, `/rooms/${enc(roomId)}/report/${enc(eventId)}`, {})).status)
    }
    expect(statuses).toEqual([...Array.from({ length: 50 }, () => 200), 429])
  })
})

describe('reporting rooms and users', () => {
  it('tells administrators of rooms that the caller need not be in, and of nothing that is not there', async () => {
    const { eve, roomId } = await crowd()
    ok(await post(eve, `/rooms/${enc(roomId)}/report`, { reason: '' }))
    expect((await post(eve, `/rooms/${enc('!nowhere:test.example')}/report`, { reason: '' })).status).toBe(404)
    expect((await post(eve, `/rooms/${enc(roomId)}/report`, {})).status).toBe(400)
    const reports = await listed(await registerAdmin(), 'room_reports', `user_id=${enc(eve.userId)}`)
    expect(reports).toMatchObject([{ room_id: roomId, reason: '' }])
  })

  it('tells them of users, and does not tell who has an account', async () => {
    const { alice, eve } = await crowd()
    for (const userId of [alice.userId, '@nobody-of-that-name:test.example', '@far:away.example']) {
      expect(ok(await post(eve, `/users/${enc(userId)}/report`, { reason: 'spam' })).body).toEqual({})
    }
    expect((await post(eve, `/users/${enc('nobody')}/report`, { reason: 'spam' })).status).toBe(400)
    const reports = await listed(await registerAdmin(), 'user_reports', `user_id=${enc(eve.userId)}&dir=f`)
    expect(reports.map(({ target_user_id: target }) => target)).toEqual([alice.userId, '@far:away.example'])
  })
})

describe('what has been reported', () => {
  it('is for administrators, in pages, and is forgotten when they have dealt with it', async () => {
    const { alice, bob, roomId } = await crowd()
    for (const text of ['one', 'two', 'three']) {
      const eventId: string = ok(await say(alice, roomId, text)).body.event_id
      ok(await post(bob, `/rooms/${enc(roomId)}/report/${enc(eventId)}`, { reason: text }))
    }
    for (const name of ['event_reports', 'room_reports', 'user_reports', 'event_reports/1']) {
      expect((await call('GET', `${ADMIN}/${name}`, { token: bob.token })).status).toBe(403)
      expect((await call('GET', `${ADMIN}/${name}`)).status).toBe(401)
    }
    const admin = await registerAdmin()
    const page = ok(await call('GET', `${ADMIN}/event_reports?user_id=${enc(bob.userId)}&limit=2`, { token: admin.token })).body
    expect([page.event_reports.map(({ reason }: { readonly reason: string }) => reason), page.total, page.next_token]).toEqual([
      ['three', 'two'],
      3,
      2,
    ])
    const rest = ok(await call('GET', `${ADMIN}/event_reports?user_id=${enc(bob.userId)}&limit=2&from=2`, { token: admin.token })).body
    expect([rest.event_reports.map(({ reason }: { readonly reason: string }) => reason), rest.next_token]).toEqual([['one'], undefined])
    const path = `${ADMIN}/event_reports/${rest.event_reports[0].id}`
    expect((await call('DELETE', path, { token: bob.token })).status).toBe(403)
    ok(await call('DELETE', path, { token: admin.token }))
    expect((await call('DELETE', path, { token: admin.token })).status).toBe(404)
  })
})
