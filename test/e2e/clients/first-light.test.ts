import { EventTimeline, type MatrixClient, type MatrixEvent, Preset, RoomMemberEvent } from 'matrix-js-sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { homeserver } from '../../support/crash-server.ts'
import { MatrixClient as PlainClient } from '../../support/matrix-client.ts'
import {
  liveEvents,
  liveTexts,
  logInWithSdk,
  registerWithSdk,
  scrollToStart,
  sdkRoom,
  startSdkClient,
  waitUntil,
} from '../../support/sdk-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const PASSWORD = 'correct horse battery staple'
const MESSAGES = 200
const HISTORY = 500

/** Steps of one story: each builds on those before it. */
describe('two people with matrix-js-sdk', () => {
  let server: ServerProcess
  let alice: MatrixClient
  let bob: MatrixClient
  let roomId: string
  /** Sends requests of its own on Alice's device, to compare with what the SDK shows. */
  let plain: PlainClient
  let broken = false

  beforeEach(({ skip }) => skip(broken, 'an earlier step failed'))
  afterEach(({ task }) => {
    broken ||= task.result?.state === 'fail'
  })

  beforeAll(async () => {
    server = await startServerProcess()
  })

  afterAll(async () => {
    alice?.stopClient()
    bob?.stopClient()
    await server.stop()
  })

  it('register, log in and sync', async () => {
    const registered = await registerWithSdk(server.url, 'alice', PASSWORD)
    expect(registered.userId).toBe('@alice:localhost:8448')
    await registerWithSdk(server.url, 'bob', PASSWORD)
    plain = new PlainClient(homeserver(server), registered)
    alice = await startSdkClient(server.url, await logInWithSdk(server.url, 'alice', PASSWORD))
    bob = await startSdkClient(server.url, await logInWithSdk(server.url, 'bob', PASSWORD), { lazyLoadMembers: true })
    expect(alice.getDeviceId()).not.toBe(registered.deviceId)
    expect(await bob.whoami()).toEqual({ user_id: '@bob:localhost:8448', device_id: bob.getDeviceId(), is_guest: false })
  })

  it('create a room, invite and join', async () => {
    roomId = (await alice.createRoom({ name: 'First light', preset: Preset.PrivateChat })).room_id
    await waitUntil('the room', () => alice.getRoom(roomId)?.name === 'First light')
    await alice.invite(roomId, bob.getSafeUserId())
    await waitUntil('the invite', () => bob.getRoom(roomId)?.getMyMembership() === 'invite')
    expect(sdkRoom(bob, roomId).name).toBe('First light')
    await bob.joinRoom(roomId)
    await waitUntil('the join', () => bob.getRoom(roomId)?.getMyMembership() === 'join')
    await waitUntil('the member', () => sdkRoom(alice, roomId).getMember(bob.getSafeUserId())?.membership === 'join')
  })

  it('exchange 200 messages live, each exactly once', async () => {
    const texts = Array.from({ length: MESSAGES }, (_, n) => `message ${n}`)
    const halves = [alice, bob].map(async (client, index) => {
      for (const [n, text] of texts.entries()) if (n % 2 === index) await client.sendTextMessage(roomId, text)
    })
    await Promise.all(halves)
    for (const client of [alice, bob]) {
      await waitUntil('the last message', () => new Set(liveTexts(client, roomId)).size === MESSAGES)
      expect(liveTexts(client, roomId).sort(), String(client.getUserId())).toEqual([...texts].sort())
      expectNoDoubles(liveEvents(client, roomId))
    }
  })

  it('redact a message', async () => {
    const target = liveEvents(alice, roomId).find((event) => event.getContent().body === 'message 42') ?? expect.fail()
    const seen = sdkRoom(bob, roomId).findEventById(target.getId() ?? '') ?? expect.fail()
    await alice.redactEvent(roomId, target.getId() ?? '')
    await waitUntil('the redaction', () => seen.isRedacted())
    expect(seen.getContent()).toEqual({})
    const fetched = await bob.fetchRoomEvent(roomId, target.getId() ?? '')
    expect(fetched.content).toEqual({})
  })

  it('see each other type, and stop', async () => {
    const typing: boolean[] = []
    bob.on(RoomMemberEvent.Typing, (_event, member) => member.userId === alice.getUserId() && typing.push(member.typing))
    await alice.sendTyping(roomId, true, 30_000)
    await waitUntil('typing', () => typing.at(-1) === true)
    await alice.sendTyping(roomId, false, 0)
    await waitUntil('the end of typing', () => typing.at(-1) === false)
  })

  it('see what the other has read', async () => {
    const last = liveEvents(bob, roomId).at(-1) ?? expect.fail()
    await bob.sendReadReceipt(last)
    const room = sdkRoom(alice, roomId)
    await waitUntil('the receipt', () => room.getEventReadUpTo(bob.getSafeUserId()) === last.getId())
  })

  it('scroll back through 500 events without a gap or a double', async () => {
    for (let n = 0; n < HISTORY - MESSAGES; n += 1) await plain.send(roomId, `history ${n}`)
    const history = (await plain.history(roomId)).map(({ event_id }) => event_id)
    expect(history.length).toBeGreaterThan(HISTORY)
    const fresh = await startSdkClient(server.url, await logInWithSdk(server.url, 'bob', PASSWORD))
    try {
      await scrollToStart(fresh, roomId)
      expect(liveEvents(fresh, roomId).map((event) => event.getId())).toEqual(history)
    } finally {
      fresh.stopClient()
    }
  })

  it('leave and come back to everything before and after', async () => {
    await bob.leave(roomId)
    await waitUntil('the leave', () => bob.getRoom(roomId)?.getMyMembership() === 'leave')
    for (let n = 0; n < 30; n += 1) await plain.send(roomId, `while away ${n}`)
    await alice.invite(roomId, bob.getSafeUserId())
    await bob.joinRoom(roomId)
    await waitUntil('the join', () => bob.getRoom(roomId)?.getMyMembership() === 'join')
    for (let n = 0; n < 5; n += 1) await plain.send(roomId, `after ${n}`)
    await waitUntil('the last message', () => liveTexts(bob, roomId).at(-1) === 'after 4')
    await scrollToStart(bob, roomId)
    const history = (await plain.history(roomId)).map(({ event_id }) => event_id)
    expect(liveEvents(bob, roomId).map((event) => event.getId())).toEqual(history)
    expect(sdkRoom(bob, roomId).getLiveTimeline().getState(EventTimeline.FORWARDS)?.getMember(bob.getSafeUserId())?.membership).toBe('join')
  })

  it('find everything after a power failure, and go on', async () => {
    const history = (await plain.history(roomId)).map(({ event_id }) => event_id)
    await server.kill9()
    await server.restart()
    expect((await plain.history(roomId)).map(({ event_id }) => event_id)).toEqual(history)
    const fresh = await startSdkClient(server.url, await logInWithSdk(server.url, 'bob', PASSWORD))
    try {
      await scrollToStart(fresh, roomId)
      expect(liveEvents(fresh, roomId).map((event) => event.getId())).toEqual(history)
      await alice.sendTextMessage(roomId, 'still here')
      for (const client of [alice, bob, fresh]) {
        // Clients that lost their connection try again after a few seconds.
        await waitUntil('the message after the restart', () => liveTexts(client, roomId).at(-1) === 'still here', 40_000)
        expectNoDoubles(liveEvents(client, roomId))
      }
    } finally {
      fresh.stopClient()
    }
  })

  it('log out, and the token is dead at once', async () => {
    const token = bob.getAccessToken() ?? ''
    const poll = fetch(`${server.url}/_matrix/client/v3/sync?timeout=20000`, { headers: { authorization: `Bearer ${token}` } })
    await bob.logout(true)
    const response = await fetch(`${server.url}/_matrix/client/v3/account/whoami`, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    expect((await poll).status, 'a poll from before').toBeOneOf([200, 401])
    expect((await fetch(`${server.url}/_matrix/client/v3/sync?access_token=${token}`)).status).toBe(401)
    expect(await alice.whoami()).toMatchObject({ user_id: '@alice:localhost:8448' })
  })
})

function expectNoDoubles(events: readonly MatrixEvent[]): void {
  const ids = events.map((event) => event.getId())
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
}
