import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { mintToken } from '../../../../src/runtime/access-token.ts'
import { configOf } from '../../../../src/runtime/config.ts'
import { type Answer, call, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { advanceClock, endObject, userStub } from '../../../support/crash-worker.ts'
import { createRoom, enc, getState, join, leave, memberContent, ok, people, putState, readableEvents } from '../../../support/room-api.ts'

const PREFIX = '/_matrix/client/unstable/org.matrix.msc4140'
const CALL = 'org.matrix.msc3401.call.member'
const delayOf = (ms: number): string => `?org.matrix.msc4140.delay=${ms}`

function delayState(who: TestSession, roomId: string, key: string, content: object, delayMs: number, type = CALL): Promise<Answer> {
  return call('PUT', `/rooms/${enc(roomId)}/state/${enc(type)}/${enc(key)}${delayOf(delayMs)}`, { token: who.token, body: content })
}

function delayMessage(who: TestSession, roomId: string, txnId: string, body: unknown, delayMs: number): Promise<Answer> {
  return call('PUT', `/rooms/${enc(roomId)}/send/m.room.message/${txnId}${delayOf(delayMs)}`, { token: who.token, body })
}

/** Whoever holds the ID needs no account. */
const manage = (delayId: string, action: string): Promise<Answer> => call('POST', `${PREFIX}/delayed_events/${delayId}/${action}`)

async function waiting(who: TestSession): Promise<{ readonly delay_id: string; readonly content: unknown }[]> {
  return ok(await call('GET', `${PREFIX}/delayed_events`, { token: who.token })).body.delayed_events
}

const details = (who: TestSession, delayId: string): Promise<Answer> =>
  call('GET', `${PREFIX}/delayed_events/${delayId}`, { token: who.token })

/** The clock moves on and the account's alarm fires. */
async function pass(who: TestSession, ms: number): Promise<void> {
  advanceClock(ms)
  expect(await runDurableObjectAlarm(userStub(who.userId)), 'an alarm of the account').toBe(true)
}

async function callers(): Promise<{ alice: TestSession; bob: TestSession; roomId: string }> {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat', power_level_content_override: { events: { [CALL]: 0 } } })
  ok(await join(bob, roomId))
  return { alice, bob, roomId }
}

describe('delayed events (MSC4140)', () => {
  it('are sent once their time has come, and not before', async () => {
    const { alice, bob, roomId } = await callers()
    const delayId = ok(await delayState(bob, roomId, bob.userId, { left: true }, 8_000)).body.delay_id
    expect(await waiting(bob)).toMatchObject([
      { delay_id: delayId, room_id: roomId, type: CALL, state_key: bob.userId, delay_ms: 8_000, content: { left: true } },
    ])
    expect(await waiting(alice)).toEqual([])
    await pass(bob, 7_000)
    expect((await getState(alice, roomId, CALL, bob.userId)).status).toBe(404)
    await pass(bob, 1_000)
    expect(ok(await getState(alice, roomId, CALL, bob.userId)).body).toEqual({ left: true })
    expect(await waiting(bob)).toEqual([])
  })

  it('come in the order in which they are due, and the sender alone sees which they were', async () => {
    const { alice, bob, roomId } = await callers()
    const ids: string[] = []
    for (const ms of [900, 700, 800]) ids.push(ok(await delayMessage(bob, roomId, `t${ms}`, { body: `${ms}` }, ms)).body.delay_id)
    await pass(bob, 1_000)
    const messages = async (who: TestSession) =>
      ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=3`, { token: who.token })).body.chunk
    const seen = await messages(bob)
    expect(seen.map((event: { readonly content: { readonly body: string } }) => event.content.body)).toEqual(['900', '800', '700'])
    expect(seen[0].unsigned['org.matrix.msc4140.delay_id']).toBe(ids[0])
    expect(seen[0].unsigned.transaction_id).toBeUndefined()
    expect((await messages(alice))[0].unsigned['org.matrix.msc4140.delay_id']).toBeUndefined()
  })

  it('are scheduled once per transaction, also by a request that does not say again what is to be sent', async () => {
    const { bob, roomId } = await callers()
    const first = ok(await delayMessage(bob, roomId, 'once', { body: 'x' }, 60_000)).body.delay_id
    expect(ok(await delayMessage(bob, roomId, 'once', undefined, 60_000)).body.delay_id).toBe(first)
    expect(await waiting(bob)).toHaveLength(1)
    const plain = await call('PUT', `/rooms/${enc(roomId)}/send/m.room.message/plain`, { token: bob.token })
    expect([plain.status, plain.body.errcode]).toEqual([400, 'M_NOT_JSON'])
  })

  it('are cancelled for good, and asking again is no error', async () => {
    const { alice, bob, roomId } = await callers()
    const delayId = ok(await delayState(bob, roomId, bob.userId, {}, 1_500)).body.delay_id
    for (let times = 0; times < 2; times += 1) ok(await manage(delayId, 'cancel'))
    expect(await waiting(bob)).toEqual([])
    await runInDurableObject(userStub(bob.userId), (user: { alarm?: () => Promise<void> }) => {
      advanceClock(2_000)
      return user.alarm?.()
    })
    expect((await getState(alice, roomId, CALL, bob.userId)).status).toBe(404)
    for (const action of ['send', 'restart']) expect([(await manage(delayId, action)).status, action]).toEqual([409, action])
  })

  it('start anew when they are restarted', async () => {
    const { bob, roomId } = await callers()
    const delayId = ok(await delayState(bob, roomId, bob.userId, { left: true }, 1_500)).body.delay_id
    advanceClock(1_000)
    ok(await manage(delayId, 'restart'))
    await pass(bob, 1_000)
    expect((await getState(bob, roomId, CALL, bob.userId)).status).toBe(404)
    await pass(bob, 600)
    expect(ok(await getState(bob, roomId, CALL, bob.userId)).body).toEqual({ left: true })
  })

  it('are sent at once when that is asked for, the action in the path or, as earlier drafts had it, in the body', async () => {
    const { bob, roomId } = await callers()
    const first = ok(await delayState(bob, roomId, bob.userId, { left: 1 }, 60_000)).body.delay_id
    for (let times = 0; times < 2; times += 1) ok(await manage(first, 'send'))
    expect(ok(await getState(bob, roomId, CALL, bob.userId)).body).toEqual({ left: 1 })
    const second = ok(await delayState(bob, roomId, bob.userId, { left: 2 }, 60_000)).body.delay_id
    ok(await call('POST', `${PREFIX}/delayed_events/${second}`, { body: { action: 'send' } }))
    expect(ok(await getState(bob, roomId, CALL, bob.userId)).body).toEqual({ left: 2 })
    const sent = ok(await details(bob, second)).body
    expect(sent).toMatchObject({ delay_id: second, event_id: expect.stringMatching(/^\$/), finalised_ts: expect.any(Number) })
    expect((await manage(second, 'cancel')).status).toBe(409)
  })

  it('survive the end of the object, with the alarm of an earlier life, and are not sent twice', async () => {
    const { alice, bob, roomId } = await callers()
    ok(await delayMessage(bob, roomId, 'early', { body: 'early' }, 5_000))
    await endObject('user', bob.userId)
    ok(await delayMessage(bob, roomId, 'late', { body: 'late' }, 80_000_000))
    const alarmAt = await runInDurableObject(userStub(bob.userId), (_user, state) => state.storage.getAlarm())
    expect(alarmAt ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(Date.now() + 5_000)
    const before = await readableEvents(alice, roomId)
    await pass(bob, 6_000)
    const after = await readableEvents(alice, roomId)
    expect(after).toHaveLength(before.length + 1)
    // As if the account had ended after the room had taken the event, and before it wrote that down.
    await runInDurableObject(userStub(bob.userId), (_user, { storage }) => {
      storage.sql.exec("UPDATE delayed_events SET finalised_ts = NULL, event_id = NULL WHERE txn LIKE '%early%'")
      storage.sql.exec("INSERT OR REPLACE INTO due SELECT 'delayed', delay_id, 1 FROM delayed_events WHERE txn LIKE '%early%'")
    })
    await endObject('user', bob.userId)
    await runInDurableObject(userStub(bob.userId), (user: { alarm?: () => Promise<void> }) => user.alarm?.())
    expect(await readableEvents(alice, roomId)).toEqual(after)
    expect(await waiting(bob)).toHaveLength(1)
  })

  it('obey the room as it is when their time comes, and say why they were not sent', async () => {
    const { alice, bob, roomId } = await callers()
    const delayId = ok(await delayState(bob, roomId, '', { name: 'mine' }, 1_000, 'm.room.name')).body.delay_id
    // What cannot be sent now may be later: it goes on waiting.
    expect([(await manage(delayId, 'send')).body.errcode, (await waiting(bob)).length]).toEqual(['M_FORBIDDEN', 1])
    await pass(bob, 1_000)
    expect(ok(await details(bob, delayId)).body).toMatchObject({ error: { errcode: 'M_FORBIDDEN' }, finalised_ts: expect.any(Number) })
    expect(await waiting(bob)).toEqual([])
    const gone = ok(await delayMessage(bob, roomId, 'gone', { body: 'x' }, 1_000)).body.delay_id
    ok(await leave(bob, roomId))
    await pass(bob, 1_000)
    expect(ok(await details(bob, gone)).body.error.errcode).toBe('M_FORBIDDEN')
    expect((await getState(alice, roomId, 'm.room.name')).status).toBe(404)
  })

  it('may be a leave or a ban, and no other membership', async () => {
    const { alice, bob, roomId } = await callers()
    ok(await delayState(bob, roomId, bob.userId, { membership: 'leave', reason: 'bedtime' }, 1_000, 'm.room.member'))
    await pass(bob, 1_000)
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'leave', reason: 'bedtime' })
    for (const membership of ['join', 'invite', 'knock', undefined]) {
      expect((await delayState(alice, roomId, bob.userId, { membership }, 1_000, 'm.room.member')).status).toBe(403)
    }
  })

  it('O6: are bounded in number, in time and in size', async () => {
    const { bob, roomId } = await callers()
    const refused = async (answer: Promise<Answer>) => [(await answer).status, (await answer).body.errcode]
    expect(await refused(delayState(bob, roomId, 'a', {}, 24 * 3_600_000 + 1))).toEqual([403, 'M_FORBIDDEN'])
    expect(await refused(delayState(bob, roomId, 'a', {}, 0))).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused(delayState(bob, roomId, 'a', { a: 'x'.repeat(70_000) }, 1_000))).toEqual([413, 'M_TOO_LARGE'])
    for (let index = 0; index < 100; index += 1) ok(await delayState(bob, roomId, `k${index}`, {}, 60_000))
    const answer = await delayState(bob, roomId, 'one-more', {}, 60_000)
    expect([answer.status, answer.body.errcode, answer.body.retry_after_ms > 0]).toEqual([429, 'M_LIMIT_EXCEEDED', true])
    const { capabilities } = ok(await call('GET', '/capabilities', { token: bob.token })).body
    expect(capabilities['org.matrix.msc4140.delayed_events']).toEqual({ max_delay_ms: 86_400_000, max_scheduled: 100 })
  })

  it('A3: cannot be reached with anything but their own ID, and no object is named for an invented one', async () => {
    const { alice, bob, roomId } = await callers()
    const delayId: string = ok(await delayState(bob, roomId, bob.userId, {}, 60_000)).body.delay_id
    const never = mintToken(configOf(env), 'delay', 'nobody-has-this-name')
    for (const id of ['abc', `${delayId}x`, delayId.replace('myd_', 'mya_'), bob.token, never]) {
      expect([(await manage(id, 'cancel')).status, id]).toEqual([404, id])
    }
    expect((await manage(delayId, 'oops')).status).toBe(404)
    expect((await details(alice, delayId)).status).toBe(404)
    expect((await call('GET', '/account/whoami', { token: delayId })).status).toBe(401)
    expect((await call('GET', `${PREFIX}/delayed_events`)).status).toBe(401)
    const stranger = await registerAccount()
    expect((await delayState(stranger, roomId, stranger.userId, {}, 1_000)).status).toBe(403)
    expect(await waiting(bob)).toHaveLength(1)
  })

  it('can be scheduled by the endpoint of their own, and change nothing where nothing changes', async () => {
    const { bob, roomId } = await callers()
    const now = ok(await putState(bob, roomId, CALL, { left: true }, bob.userId)).body.event_id
    const body = { delay_ms: 1_000, state_key: bob.userId, content: { left: true } }
    const path = `${PREFIX}/rooms/${enc(roomId)}/delayed_event/${CALL}/t1`
    const delayId = ok(await call('PUT', path, { token: bob.token, body })).body.delay_id
    await pass(bob, 1_000)
    expect(ok(await details(bob, delayId)).body.event_id).toBe(now)
  })
})
