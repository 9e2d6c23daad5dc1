import { afterEach, describe, expect, it, vi } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { call, type TestSession } from '../../../support/api-client.ts'
import { advanceClock, endObject, fireRoomAlarm } from '../../../support/crash-worker.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { GATEWAY_HOST, PushGateway, setPusher } from '../../../support/push-gateway.ts'
import { createRoom, enc, join, ok, people, redact, say } from '../../../support/room-api.ts'

/*
 * Rooms leave news for users with pushers who are not looking, instead of calling each of them. In a file of its own: what is counted is counted for
 * everything that runs in this process.
 */

afterEach(() => vi.restoreAllMocks())

function gateway(): PushGateway {
  const scripted = new PushGateway()
  new HostileInternet().host(`${GATEWAY_HOST}:443`, scripted.answer).install()
  return scripted
}

const letters = (): number => costTotals().letter ?? 0

async function pair(): Promise<{ alice: TestSession; bob: TestSession; roomId: string; push: PushGateway }> {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  const push = gateway()
  await setPusher(bob, 'key')
  return { alice, bob, roomId, push }
}

/** Says something that must be left in the letterboxes of so many members. */
async function leave(who: TestSession, roomId: string, text: string, members = 1): Promise<string> {
  const before = letters()
  const eventId: string = ok(await say(who, roomId, text)).body.event_id
  // A member whose hint is still being answered gets theirs a moment later.
  await expect.poll(() => letters() - before, { timeout: 10_000, message: text }).toBe(members)
  return eventId
}

/** The first message is rung; afterwards the letterbox is out. */
async function rung(who: TestSession, roomId: string, push: PushGateway, pushkey = 'key'): Promise<string> {
  const eventId: string = ok(await say(who, roomId, 'rung')).body.event_id
  await toldOf(push, eventId, pushkey)
  return eventId
}

/** Waits until a phone has been told of an event. */
async function toldOf(push: PushGateway, eventId: string, pushkey = 'key'): Promise<void> {
  await expect.poll(() => push.eventsFor(pushkey).map(({ event_id }) => event_id), { timeout: 30_000 }).toContain(eventId)
}

async function unreadOf(who: TestSession, roomId: string): Promise<number> {
  const { rooms } = ok(await call('GET', '/sync', { token: who.token })).body
  return rooms.join[roomId].unread_notifications.notification_count
}

const read = async (who: TestSession, roomId: string, eventId: string): Promise<void> =>
  void ok(await call('POST', `/rooms/${enc(roomId)}/receipt/m.read/${enc(eventId)}`, { token: who.token, body: {} }))

describe('letterboxes', () => {
  it('spare all but the first ring of a burst, in order and with exact counts', async () => {
    const [alice, ...members] = (await people(6)) as [TestSession, ...TestSession[]]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    for (const who of members) ok(await join(who, roomId))
    const push = gateway()
    for (const [index, who] of members.entries()) await setPusher(who, `key ${index}`)
    const sent: string[] = [ok(await say(alice, roomId, 'first')).body.event_id]
    await Promise.all(members.map((_who, index) => push.told(`key ${index}`, 1)))
    const before = costTotals()
    for (let said = 0; said < 10; said += 1) sent.push(await leave(alice, roomId, `${said}`, members.length))
    for (const [index] of members.entries()) {
      const told = await push.told(`key ${index}`, 11)
      expect(told.map(({ event_id }) => event_id).sort()).toEqual([...sent].sort())
      const counts = new Map(told.map(({ event_id, counts }) => [event_id, counts?.unread]))
      expect(sent.map((eventId) => counts.get(eventId))).toEqual(sent.map((_, place) => place + 1))
    }
    // The sender alone is called.
    expect((costTotals().hint ?? 0) - (before.hint ?? 0)).toBeLessThanOrEqual(10)
    for (const who of members) expect(await unreadOf(who, roomId)).toBe(11)
    const { notifications } = ok(await call('GET', '/notifications', { token: members[0]?.token ?? '' })).body
    expect(notifications.map(({ event }: { event: { event_id: string } }) => event.event_id)).toEqual([...sent].reverse())
  })

  it('count over all rooms', async () => {
    const { alice, bob, roomId, push } = await pair()
    const other = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, other))
    await rung(alice, roomId, push)
    await rung(alice, other, push)
    await leave(alice, roomId, 'three')
    await leave(alice, other, 'four')
    await leave(alice, roomId, 'five')
    const told = await push.told('key', 5)
    expect(told.map(({ counts }) => counts?.unread).sort()).toEqual([1, 2, 3, 4, 5])
    expect(await unreadOf(bob, roomId)).toBe(3)
    expect(await unreadOf(bob, other)).toBe(2)
  })

  it('go by the rules, names and pushers of the moment', async () => {
    const { alice, bob, roomId, push } = await pair()
    await rung(alice, roomId, push)
    await leave(alice, roomId, 'two')
    ok(await call('PUT', `/pushrules/global/room/${enc(roomId)}`, { token: bob.token, body: { actions: [] } }))
    await say(alice, roomId, 'muted')
    await leave(alice, roomId, 'muted too')
    ok(await call('DELETE', `/pushrules/global/room/${enc(roomId)}`, { token: bob.token }))
    const ignored = { ignored_users: { [alice.userId]: {} } }
    ok(await call('PUT', `/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, { token: bob.token, body: ignored }))
    await say(alice, roomId, 'ignored')
    await leave(alice, roomId, 'ignored too')
    ok(await call('PUT', `/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, { token: bob.token, body: {} }))
    const heard = await rung(alice, roomId, push)
    const [, , third] = await push.told('key', 3)
    expect(third).toMatchObject({ event_id: heard, counts: { unread: 3 } })
    ok(await call('POST', '/logout', { token: bob.token, body: {} }))
    const before = letters()
    await say(alice, roomId, 'D10: nobody is there any more')
    expect(letters()).toBe(before)
    expect(push.eventsFor('key').length).toBe(3)
  })

  it('are taken in by receipts and redactions, so that counts fall', async () => {
    const { alice, bob, roomId, push } = await pair()
    await rung(alice, roomId, push)
    const second = await leave(alice, roomId, 'two')
    const third = await leave(alice, roomId, 'three')
    await push.told('key', 3)
    ok(await redact(alice, roomId, third))
    await read(bob, roomId, second)
    const badges = (): unknown[] => push.notifications.filter(({ event_id }) => event_id === undefined).map(({ counts }) => counts?.unread)
    await expect.poll(() => badges().at(-1), { timeout: 10_000 }).toBe(0)
    expect(await unreadOf(bob, roomId)).toBe(0)
  })

  it('do not keep anybody waiting who has begun to look', async () => {
    const { alice, bob, roomId, push } = await pair()
    await rung(alice, roomId, push)
    await leave(alice, roomId, 'two')
    const { next_batch: since } = ok(await call('GET', '/sync', { token: bob.token })).body
    const parked = costTotals().park ?? 0
    const waiting = call('GET', `/sync?since=${enc(since)}&timeout=20000`, { token: bob.token })
    await expect.poll(() => costTotals().park ?? 0, { timeout: 10_000 }).toBeGreaterThan(parked)
    const eventId = ok(await say(alice, roomId, 'three')).body.event_id
    const { timeline } = ok(await waiting).body.rooms.join[roomId]
    expect(timeline.events.map(({ event_id }: { event_id: string }) => event_id)).toEqual([eventId])
  })

  it('are written when the room settles, and what was told is not told again then', async () => {
    const { alice, bob, roomId, push } = await pair()
    await rung(alice, roomId, push)
    // More than one statement writes at once.
    for (let left = 0; left < 16; left += 1) await toldOf(push, await leave(alice, roomId, `${left}`))
    advanceClock(60_000)
    await fireRoomAlarm(roomId)
    await endObject('user', bob.userId)
    await endObject('room', roomId)
    await rung(alice, roomId, push)
    expect(await unreadOf(bob, roomId)).toBe(18)
    expect(push.eventsFor('key').map(({ counts }) => counts?.unread)).toEqual(Array.from({ length: 18 }, (_, place) => place + 1))
  })

  it('are not used for a gateway that fails', async () => {
    const { alice, bob, roomId, push } = await pair()
    await rung(alice, roomId, push)
    push.status = 503
    await leave(alice, roomId, 'two')
    let said = 2
    const left = async (): Promise<number> => {
      const before = letters()
      ok(await say(alice, roomId, 'more'))
      said += 1
      return letters() - before
    }
    await expect.poll(left, { timeout: 10_000 }).toBe(0)
    expect(await unreadOf(bob, roomId)).toBe(said)
  })

  // The last one: a request to the gateway may be broken off with the object that makes it.
  it('lose nothing when the account ends', async () => {
    const { alice, bob, roomId, push } = await pair()
    await rung(alice, roomId, push)
    await toldOf(push, await leave(alice, roomId, 'two'))
    // The account's memory goes; what lies in the box stays, and what the account knew before is asked for again.
    await endObject('user', bob.userId)
    expect(await unreadOf(bob, roomId)).toBe(2)
    await endObject('user', bob.userId)
    await endObject('room', roomId)
    expect(await unreadOf(bob, roomId)).toBe(2)
  })
})
