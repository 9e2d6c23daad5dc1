import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../support/api-client.ts'
import { advanceClock, endObject } from '../../support/crash-worker.ts'
import { parked } from '../../support/parked-polls.ts'
import { presenceOf, setPresence } from '../../support/presence.ts'
import { createRoom, enc, join, ok, people, say } from '../../support/room-api.ts'

interface PresenceEvent {
  readonly type: string
  readonly sender: string
  readonly content: {
    readonly presence: string
    readonly status_msg?: string
    readonly last_active_ago?: number
    readonly currently_active?: boolean
  }
}
interface Synced {
  readonly next_batch: string
  readonly presence: { readonly events: readonly PresenceEvent[] }
}

const sync = async (who: TestSession, query: Readonly<Record<string, string>> = {}): Promise<Synced> =>
  ok(await call('GET', `/sync?${new URLSearchParams(query)}`, { token: who.token })).body

/** Polls until somebody's presence is as wanted; answers where the reader is then. */
async function hears(
  reader: TestSession,
  since: string | undefined,
  sender: string,
  presence: string,
): Promise<{ next: string; event: PresenceEvent }> {
  let next: string | undefined = since
  for (let polls = 0; polls < 20; polls += 1) {
    const answer = await sync(reader, next === undefined ? {} : { since: next, timeout: '3000' })
    next = answer.next_batch
    const event = answer.presence.events.findLast((one) => one.sender === sender)
    if (event?.content.presence === presence) return { next, event }
  }
  throw new Error(`${reader.userId} does not hear that ${sender} is ${presence}`)
}

async function friends(): Promise<{ alice: TestSession; bob: TestSession; roomId: string }> {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, roomId }
}

describe('PUT and GET /presence/{userId}/status', () => {
  it('keeps what the user says of themselves, for the user and for those who share a room', async () => {
    const { alice, bob } = await friends()
    await setPresence(alice, 'unavailable', 'lunch')
    const wanted = { presence: 'unavailable', status_msg: 'lunch', last_active_ago: expect.any(Number) }
    expect(ok(await presenceOf(alice, alice.userId)).body).toEqual(wanted)
    expect(ok(await presenceOf(bob, alice.userId)).body).toEqual(wanted)
    await setPresence(alice, 'online')
    expect(ok(await presenceOf(bob, alice.userId)).body).toMatchObject({ presence: 'online', currently_active: true })
    expect(ok(await presenceOf(bob, alice.userId)).body.status_msg).toBeUndefined()
  })

  it("R6: is nobody else's business: strangers are told nothing, and nobody sets that of others", async () => {
    const { alice, bob } = await friends()
    const [stranger] = (await people(1)) as [TestSession]
    await setPresence(alice, 'online')
    expect((await presenceOf(stranger, alice.userId)).status).toBe(403)
    expect((await presenceOf(stranger, '@nobody-is-called-that:test.example')).status).toBe(403)
    const answer = await call('PUT', `/presence/${enc(alice.userId)}/status`, { token: bob.token, body: { presence: 'offline' } })
    expect([answer.status, answer.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  it.each([{ presence: 'asleep' }, {}, { presence: 'online', status_msg: 'x'.repeat(1_001) }])('refuses %j', async (body) => {
    const [alice] = (await people(1)) as [TestSession]
    expect((await call('PUT', `/presence/${enc(alice.userId)}/status`, { token: alice.token, body })).status).toBe(400)
  })
})

describe('m.presence in /sync', () => {
  it('tells waiting members that somebody came, what they say of themselves, and each change once', async () => {
    const { alice, bob } = await friends()
    const since = (await sync(bob)).next_batch
    const waiting = sync(bob, { since, timeout: '10000' })
    await parked(bob, 1)
    await setPresence(alice, 'online', 'here')
    const { presence, next_batch: next } = await waiting
    const aliceSays = presence.events.filter(({ sender }) => sender === alice.userId)
    const content = { presence: 'online', currently_active: true, status_msg: 'here', last_active_ago: expect.any(Number) }
    expect(aliceSays).toEqual([{ type: 'm.presence', sender: alice.userId, content }])
    expect((await sync(bob, { since: next })).presence.events).toEqual([])
  })

  it('tells every position that is older, also where another poll of the same device has heard already', async () => {
    const { alice, bob } = await friends()
    const since = (await sync(bob)).next_batch
    await setPresence(alice, 'online', 'here')
    const first = await hears(bob, since, alice.userId, 'online')
    await hears(bob, undefined, alice.userId, 'online')
    expect((await hears(bob, since, alice.userId, 'online')).event.content.status_msg).toBe('here')
    expect((await sync(bob, { since: first.next })).presence.events).toEqual([])
  })

  it('tells somebody who comes of those who are there', async () => {
    const { alice, bob } = await friends()
    await sync(alice)
    await hears(bob, undefined, alice.userId, 'online')
  })

  it('comes again for both where somebody joins a room', async () => {
    const { alice, bob } = await friends()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const bobs = await hears(bob, undefined, bob.userId, 'online')
    const alices = await hears(alice, undefined, bob.userId, 'online')
    ok(await join(bob, roomId))
    await hears(bob, bobs.next, alice.userId, 'online')
    const { next } = await hears(alice, alices.next, bob.userId, 'online')
    expect((await sync(alice, { since: next })).presence.events).toEqual([])
  })

  it('leaves out those whom the reader ignores or filters', async () => {
    const { alice, bob } = await friends()
    const filter = JSON.stringify({ presence: { not_types: ['*'] } })
    const since = (await sync(bob)).next_batch
    await setPresence(alice, 'online')
    await hears(bob, since, alice.userId, 'online')
    expect((await sync(bob, { filter })).presence.events).toEqual([])
    const content = { ignored_users: { [alice.userId]: {} } }
    ok(await call('PUT', `/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, { token: bob.token, body: content }))
    expect((await sync(bob)).presence.events.filter(({ sender }) => sender === alice.userId)).toEqual([])
  })

  it('makes somebody unavailable who does nothing for five minutes, and online when they say something', async () => {
    const { alice, bob, roomId } = await friends()
    await sync(alice)
    const first = await hears(bob, undefined, alice.userId, 'online')
    for (let polls = 0; polls <= 10; polls += 1) {
      advanceClock(30_000)
      await sync(alice)
    }
    const second = await hears(bob, first.next, alice.userId, 'unavailable')
    expect(second.event.content.last_active_ago).toBeGreaterThanOrEqual(5 * 60_000)
    advanceClock(6_000)
    ok(await say(alice, roomId))
    await hears(bob, second.next, alice.userId, 'online')
  })

  it.each(['offline', 'unavailable'] as const)('heeds set_presence=%s', async (wish) => {
    const { alice, bob } = await friends()
    await sync(alice, { set_presence: wish })
    expect(ok(await presenceOf(bob, alice.userId)).body.presence).toBe(wish)
    await sync(alice)
    await sync(alice, { set_presence: 'online' })
    expect(ok(await presenceOf(bob, alice.userId)).body.presence).toBe('online')
  })

  it('survives that the object of somebody who waits falls asleep or ends, and forgets who does not come back', async () => {
    const { alice, bob } = await friends()
    const since = (await sync(alice)).next_batch
    await setPresence(alice, 'online', 'stays')
    await endObject('user', alice.userId)
    expect(ok(await presenceOf(bob, alice.userId)).body).toMatchObject({ presence: 'offline', status_msg: 'stays' })
    await sync(alice, { since })
    expect(ok(await presenceOf(bob, alice.userId)).body.presence).toBe('online')
    advanceClock(61_000)
    expect(ok(await presenceOf(bob, alice.userId)).body.presence).toBe('offline')
  })

  it('R2: is told to nobody who has left', async () => {
    const { alice, bob, roomId } = await friends()
    const [carol] = (await people(1)) as [TestSession]
    ok(await join(carol, roomId))
    const since = (await sync(bob)).next_batch
    ok(await call('POST', `/rooms/${enc(roomId)}/leave`, { token: bob.token, body: {} }))
    await setPresence(alice, 'online')
    expect((await sync(bob, { since })).presence.events.filter(({ sender }) => sender === alice.userId)).toEqual([])
  })
})
