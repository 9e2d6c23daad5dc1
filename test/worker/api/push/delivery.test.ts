import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { advanceClock, endObject, fireRoomAlarm, userStub } from '../../../support/crash-worker.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { GATEWAY_HOST, type Notification, PushGateway, pushkeysOf, setPusher } from '../../../support/push-gateway.ts'
import { createRoom, enc, join, moderate, nameThemselves, ok, people, redact, say } from '../../../support/room-api.ts'

afterEach(() => vi.restoreAllMocks())

function gateway(): PushGateway {
  const scripted = new PushGateway()
  new HostileInternet().host(`${GATEWAY_HOST}:443`, scripted.answer).install()
  return scripted
}

async function roomOfThree(): Promise<{ alice: TestSession; bob: TestSession; roomId: string }> {
  const [alice, bob, carol] = (await people(3)) as [TestSession, TestSession, TestSession]
  await nameThemselves(alice, 'Alice')
  const roomId = await createRoom(alice, { preset: 'public_chat', name: 'Room' })
  for (const who of [bob, carol]) ok(await join(who, roomId))
  return { alice, bob, roomId }
}

let transactions = 0
async function send(
  who: TestSession,
  roomId: string,
  content: Readonly<Record<string, unknown>>,
  type = 'm.room.message',
): Promise<string> {
  transactions += 1
  const path = `/rooms/${enc(roomId)}/send/${type}/p${transactions}`
  return ok(await call('PUT', path, { token: who.token, body: content })).body.event_id
}

const read = async (who: TestSession, roomId: string, eventId: string): Promise<void> =>
  void ok(await call('POST', `/rooms/${enc(roomId)}/receipt/m.read/${enc(eventId)}`, { token: who.token, body: {} }))

const alarmOf = (who: TestSession): Promise<boolean> => runDurableObjectAlarm(userStub(who.userId))

describe('a notification', () => {
  it('names the event only, if the client wants that, with what the client gave along', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'key', {}, { custom: { a: [1] } })
    const eventId = await send(alice, roomId, { msgtype: 'm.text', body: 'secret' })
    const [notification] = await push.told('key', 1)
    const device = {
      app_id: 'org.example.app',
      pushkey: 'key',
      pushkey_ts: expect.any(Number),
      data: { format: 'event_id_only', custom: { a: [1] } },
    }
    expect(notification).toEqual({ event_id: eventId, room_id: roomId, prio: 'low', counts: { unread: 1 }, devices: [device] })
    expect(notification?.devices[0]?.pushkey_ts).toBeGreaterThan(1_600_000_000)
    expect(notification?.devices[0]?.pushkey_ts).toBeLessThan(100_000_000_000)
  })

  it('tells everything otherwise: what was said, by whom, where, and how to show it', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'key', {}, { format: undefined })
    const content = { msgtype: 'm.text', body: 'you', 'm.mentions': { user_ids: [bob.userId] } }
    const eventId = await send(alice, roomId, content)
    const [notification] = await push.told('key', 1)
    expect(notification).toEqual({
      event_id: eventId,
      room_id: roomId,
      type: 'm.room.message',
      sender: alice.userId,
      sender_display_name: 'Alice',
      room_name: 'Room',
      prio: 'high',
      content,
      counts: { unread: 1 },
      devices: [
        {
          app_id: 'org.example.app',
          pushkey: 'key',
          pushkey_ts: expect.any(Number),
          data: {},
          tweaks: { sound: 'default', highlight: true },
        },
      ],
    })
  })

  it('M8: never carries encrypted text, and is urgent then', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'key', {}, { format: undefined })
    await send(alice, roomId, { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'x' }, 'm.room.encrypted')
    const [notification] = await push.told('key', 1)
    expect(notification).toMatchObject({ type: 'm.room.encrypted', prio: 'high' })
    expect(notification?.content).toBeUndefined()
  })

  it('comes with an invitation', async () => {
    const { alice, bob } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'names', {})
    await setPusher(bob, 'full', {}, { format: undefined })
    const roomId = await createRoom(alice, { name: 'Elsewhere' })
    ok(await moderate(alice, 'invite', roomId, bob))
    const [notification] = await push.told('full', 1)
    const details = {
      type: 'm.room.member',
      sender: alice.userId,
      sender_display_name: 'Alice',
      room_name: 'Elsewhere',
      user_is_target: true,
    }
    expect(notification).toMatchObject({ ...details, room_id: roomId, prio: 'high', content: { membership: 'invite' } })
    expect((await push.told('names', 1))[0]).toMatchObject({ room_id: roomId, event_id: notification?.event_id })
  })

  it('goes to nobody who said it themselves, ignores the sender, switched it off, or left', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(alice, 'alice')
    await setPusher(bob, 'bob')
    await send(alice, roomId, { msgtype: 'm.notice', body: 'beep' })
    ok(await call('PUT', `/pushrules/global/room/${enc(roomId)}`, { token: bob.token, body: { actions: [] } }))
    await say(alice, roomId, 'muted')
    ok(await call('DELETE', `/pushrules/global/room/${enc(roomId)}`, { token: bob.token }))
    const ignored = (users: object) =>
      call('PUT', `/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, { token: bob.token, body: { ignored_users: users } })
    ok(await ignored({ [alice.userId]: {} }))
    await say(alice, roomId, 'ignored')
    ok(await ignored({}))
    const heard = ok(await say(alice, roomId, 'heard')).body.event_id
    expect((await push.told('bob', 1))[0]?.event_id).toBe(heard)
    ok(await call('POST', `/rooms/${enc(roomId)}/leave`, { token: bob.token, body: {} }))
    await say(alice, roomId, 'after')
    await say(bob, await createRoom(bob), 'own')
    expect(push.eventsFor('bob').length).toBe(1)
    expect(push.eventsFor('alice')).toEqual([])
  })

  it('comes in order, once each, also for events too long for hints, and counts over all rooms', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'key')
    const other = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, other))
    const sent = [await send(alice, roomId, { msgtype: 'm.text', body: 'one' })]
    await push.told('key', 1)
    sent.push(await send(alice, other, { msgtype: 'm.text', body: 'long'.repeat(5_000) }))
    await push.told('key', 2)
    sent.push(await send(alice, roomId, { msgtype: 'm.text', body: 'three' }))
    const told = await push.told('key', 3)
    expect(told.map(({ event_id }) => event_id)).toEqual(sent)
    expect(told.map(({ counts }) => counts)).toEqual([{ unread: 1 }, { unread: 2 }, { unread: 3 }])
  })

  it('rings somebody who has not polled for days', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'key')
    for (let day = 1; day <= 3; day += 1) {
      const eventId = ok(await say(alice, roomId, `day ${day}`)).body.event_id
      await expect.poll(() => push.eventsFor('key').at(-1)?.event_id, { timeout: 10_000 }).toBe(eventId)
      advanceClock(24 * 3_600_000)
      await fireRoomAlarm(roomId)
      await endObject('user', bob.userId)
    }
  })

  it('starts with the pusher, for somebody who was asleep: what was unread before is no news', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await say(alice, roomId, 'before')
    advanceClock(600_000)
    await fireRoomAlarm(roomId)
    await say(alice, roomId, 'asleep')
    await setPusher(bob, 'key')
    const eventId = ok(await say(alice, roomId, 'awake')).body.event_id
    const [notification] = await push.told('key', 1)
    expect(notification).toMatchObject({ event_id: eventId, counts: { unread: 3 } })
    expect(push.notifications).toEqual([notification])
  })
})

describe('counts that fall', () => {
  it('are told once for all that was read', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'key')
    await say(alice, roomId, 'one')
    const last = ok(await say(alice, roomId, 'two')).body.event_id
    await push.told('key', 2)
    await read(bob, roomId, last)
    const badges = (): Notification[] => push.notifications.filter(({ event_id }) => event_id === undefined)
    await expect.poll(() => badges().length, { timeout: 5_000 }).toBe(1)
    expect(badges()[0]).toMatchObject({ counts: { unread: 0 }, devices: [{ pushkey: 'key' }] })
  })
})

describe('a gateway', () => {
  it('that rejects a pushkey is obeyed, and the pushkey is free', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    push.rejected.add('stale')
    await setPusher(bob, 'stale')
    await setPusher(bob, 'good')
    await say(alice, roomId, 'one')
    await expect.poll(() => pushkeysOf(bob), { timeout: 10_000 }).toEqual(['good'])
    await say(alice, roomId, 'two')
    await push.told('good', 2)
    expect(push.eventsFor('stale').length).toBe(1)
  })

  it('that fails is left alone longer and longer, over crashes, and told in order later what is still unread', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    push.status = 503
    await setPusher(bob, 'key')
    const first = ok(await say(alice, roomId, 'one')).body.event_id
    await failing(bob, 1)
    const second = ok(await say(alice, roomId, 'redacted')).body.event_id
    const third = ok(await say(alice, roomId, 'three')).body.event_id
    ok(await redact(alice, roomId, second))
    expect(push.requests).toBe(1)
    await fireSettle(roomId)
    await alarmOf(bob)
    await failing(bob, 2)
    expect(push.requests).toBe(2)
    await endObject('user', bob.userId)
    push.status = 200
    // The alarm of an object that ended tries again when it is time, and not before.
    advanceClock(6_000)
    await alarmOf(bob)
    expect(push.requests).toBe(2)
    advanceClock(5_000)
    await alarmOf(bob)
    expect((await push.told('key', 2)).map(({ event_id }) => event_id)).toEqual([first, third])
    const fourth = ok(await say(alice, roomId, 'four')).body.event_id
    expect((await push.told('key', 3)).at(-1)?.event_id).toBe(fourth)
  })

  it('that fails for long gets the latest hundred', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    push.status = 500
    await setPusher(bob, 'key')
    const sent: string[] = [ok(await say(alice, roomId, '0')).body.event_id]
    await failing(bob, 1)
    for (let said = 1; said < 105; said += 1) sent.push(ok(await say(alice, roomId, `${said}`)).body.event_id)
    await fireSettle(roomId)
    const queued = () =>
      runInDurableObject(userStub(bob.userId), (_user, ctx) =>
        ctx.storage.sql.exec<{ event_id: string }>('SELECT event_id FROM push_queue ORDER BY id').toArray(),
      )
    expect((await queued()).map(({ event_id }) => event_id)).toEqual(sent.slice(5))
    push.status = 200
    const missing = () => sent.slice(5).filter((eventId) => !push.eventsFor('key').some(({ event_id }) => event_id === eventId))
    const afterNextAlarm = async () => {
      advanceClock(3_700_000)
      await alarmOf(bob)
      return missing()
    }
    await expect.poll(afterNextAlarm, { timeout: 15_000 }).toEqual([])
  })
})

describe('at least once', () => {
  it('O17: a user whose object ends between the event and the push is notified when the room asks again', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'key')
    push.status = 500
    const eventId = ok(await say(alice, roomId, 'one')).body.event_id
    await expect.poll(() => push.requests).toBe(1)
    // Nothing of the event is in the user's database yet.
    await endObject('user', bob.userId)
    push.status = 200
    advanceClock(60_000)
    await fireRoomAlarm(roomId)
    expect((await push.told('key', 1))[0]?.event_id).toBe(eventId)
  })

  it('a room that ends right after its commit has its members notified by its alarm', async () => {
    const { alice, bob, roomId } = await roomOfThree()
    const push = gateway()
    await setPusher(bob, 'key')
    const [event] = await Promise.all([say(alice, roomId, 'one'), endObject('room', roomId)])
    if (event.status !== 200) return
    await endObject('room', roomId)
    advanceClock(60_000)
    await fireRoomAlarm(roomId)
    const ids = new Set((await vi.waitFor(() => told(push, 'key'))).map(({ event_id }) => event_id))
    expect([...ids]).toEqual([event.body.event_id])
  })
})

/** Waits until the one pusher of a user has failed so often, as the database has it. */
async function failing(who: TestSession, failures: number): Promise<void> {
  const read = () =>
    runInDurableObject(
      userStub(who.userId),
      (_user, ctx) => ctx.storage.sql.exec<{ failures: number }>('SELECT failures FROM pushers').one().failures,
    )
  await expect.poll(read, { timeout: 10_000 }).toBe(failures)
}

/** The room makes its members write what they know. */
async function fireSettle(roomId: string): Promise<void> {
  advanceClock(30_000)
  await fireRoomAlarm(roomId)
}

function told(push: PushGateway, pushkey: string): Notification[] {
  const events = push.eventsFor(pushkey)
  if (events.length === 0) throw new Error('not yet')
  return events
}
