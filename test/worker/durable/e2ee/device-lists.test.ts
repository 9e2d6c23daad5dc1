import { runDurableObjectAlarm } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { call, logIn, passwordAuth, type TestSession } from '../../../support/api-client.ts'
import { advanceClock, endObject, userStub } from '../../../support/crash-worker.ts'
import { publish, send, syncOnce, upload } from '../../../support/e2ee.ts'
import { createRoom, join, leave, moderate, ok, people, say } from '../../../support/room-api.ts'

/** Syncs until `device_lists` says something, at most a few times; answers it. */
async function listsAfter(session: TestSession, since: string): Promise<{ changed: string[]; left: string[]; since: string }> {
  let token = since
  for (let round = 0; round < 8; round += 1) {
    const response = await syncOnce(session, token, 2_000)
    token = response.next_batch
    const { changed, left } = response.device_lists
    if (changed.length + left.length > 0) return { changed: [...changed].sort(), left: [...left].sort(), since: token }
  }
  return { changed: [], left: [], since: token }
}

async function three(): Promise<[TestSession, TestSession, TestSession]> {
  return (await people(3)) as [TestSession, TestSession, TestSession]
}

describe('device_lists (D13)', () => {
  it('name users who share a room and publish keys, add a device, rename one or remove one; nobody else', async () => {
    const [alice, bob, carol] = await three()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    let { next_batch: since } = await syncOnce(alice)
    const { next_batch: carols } = await syncOnce(carol)
    const expectBob = async (): Promise<void> => {
      const lists = await listsAfter(alice, since)
      expect(lists).toMatchObject({ changed: [bob.userId], left: [] })
      since = lists.since
    }
    await publish(bob)
    await expectBob()
    const second = await logIn(bob.localpart)
    await publish(second)
    await expectBob()
    await call('PUT', `/devices/${second.deviceId}`, { token: bob.token, body: { display_name: 'new name' } })
    await expectBob()
    ok(await call('POST', '/delete_devices', { token: bob.token, body: { devices: [second.deviceId], auth: passwordAuth(bob) } }))
    await expectBob()
    ok(await call('POST', '/logout', { token: bob.token, body: {} }))
    await expectBob()
    expect((await syncOnce(carol, carols)).device_lists).toEqual({ changed: [], left: [] })
    expect((await syncOnce(alice, since)).device_lists).toEqual({ changed: [], left: [] })
  })

  it('tell a user of their own changes', async () => {
    const [alice] = await three()
    const { next_batch } = await syncOnce(alice)
    const poll = syncOnce(alice, next_batch, 10_000)
    await publish(alice)
    expect((await poll).device_lists.changed).toEqual([alice.userId])
  })

  it('do not change for one-time keys, or for keys that are there already', async () => {
    const [alice] = await three()
    await publish(alice)
    const { next_batch } = await syncOnce(alice)
    await publish(alice)
    await upload(alice, { one_time_keys: { 'signed_curve25519:x': { key: 'x' } } })
    expect((await syncOnce(alice, next_batch)).device_lists.changed).toEqual([])
  })

  it('are empty in an initial sync', async () => {
    const [alice, bob] = await three()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    await publish(bob)
    expect((await syncOnce(alice)).device_lists).toEqual({ changed: [], left: [] })
  })

  it('name who joins to those who are there, and everybody to who joins', async () => {
    const [alice, bob, carol] = await three()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const [alices, carols] = await Promise.all([syncOnce(alice), syncOnce(carol)])
    ok(await join(carol, roomId))
    expect(await listsAfter(alice, alices.next_batch)).toMatchObject({ changed: [carol.userId], left: [] })
    expect(await listsAfter(carol, carols.next_batch)).toMatchObject({ changed: [alice.userId, bob.userId, carol.userId].sort(), left: [] })
  })

  it('name as left who shares no other room, and nobody who does', async () => {
    const [alice, bob, carol] = await three()
    const first = await createRoom(alice, { preset: 'public_chat' })
    const second = await createRoom(alice, { preset: 'public_chat' })
    for (const who of [bob, carol]) ok(await join(who, first))
    ok(await join(bob, second))
    const { next_batch } = await syncOnce(alice)
    ok(await leave(bob, first))
    ok(await leave(carol, first))
    let lists = await listsAfter(alice, next_batch)
    if (!lists.left.includes(carol.userId)) lists = await listsAfter(alice, lists.since)
    expect(lists.left).toEqual([carol.userId])
    ok(await leave(bob, second))
    expect((await listsAfter(alice, lists.since)).left).toEqual([bob.userId])
  })

  it('name everybody as left to who is out of the last shared room, but nobody who came later', async () => {
    const [alice, bob, carol] = await three()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const { next_batch } = await syncOnce(bob)
    ok(await moderate(alice, 'kick', roomId, bob))
    ok(await join(carol, roomId))
    expect(await listsAfter(bob, next_batch)).toMatchObject({ changed: [], left: [alice.userId] })
  })

  it('name a user anew who left, changed their keys unseen and came back', async () => {
    const [alice, bob] = await three()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const { next_batch } = await syncOnce(alice)
    ok(await leave(bob, roomId))
    await publish(bob)
    ok(await join(bob, roomId))
    const lists = await listsAfter(alice, next_batch)
    expect(lists).toMatchObject({ changed: [bob.userId], left: [] })
  })

  it('survive the end of either side', async () => {
    const [alice, bob] = await three()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const { next_batch } = await syncOnce(alice)
    await publish(bob)
    await endObject('user', alice.userId)
    await endObject('user', bob.userId)
    advanceClock(60_000)
    await runDurableObjectAlarm(userStub(bob.userId))
    await endObject('user', alice.userId)
    expect(await listsAfter(alice, next_batch)).toMatchObject({ changed: [bob.userId] })
  })

  it('come before or with the messages of a new device', async () => {
    const [alice, bob] = await three()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    let { next_batch: since } = await syncOnce(alice)
    for (let n = 0; n < 10; n += 1) {
      const device = await logIn(bob.localpart)
      await publish(device)
      await send(device, { [alice.userId]: { [alice.deviceId]: { n } } })
      let announced = false
      for (let round = 0; round < 8; round += 1) {
        const response = await syncOnce(alice, since, 2_000)
        since = response.next_batch
        announced ||= response.device_lists.changed.includes(bob.userId)
        if (response.to_device.events.length > 0) break
      }
      expect(announced).toBe(true)
    }
  })

  it('are what /keys/changes says between tokens, and that acknowledges nothing', async () => {
    const [alice, bob, carol] = await three()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const { next_batch: from } = await syncOnce(alice)
    await publish(bob)
    ok(await join(carol, roomId))
    ok(await leave(bob, roomId))
    await say(carol, roomId)
    const { since: to } = await listsAfter(alice, from)
    await send(carol, { [alice.userId]: { '*': { n: 1 } } })
    const changes = await call('GET', `/keys/changes?from=${from}&to=${to}`, { token: alice.token })
    expect(changes).toMatchObject({ status: 200, body: { changed: [carol.userId], left: [bob.userId] } })
    expect((await syncOnce(alice, to, 5_000)).to_device.events).toHaveLength(1)
    for (const token of ['', 'x', `${from}x`]) {
      expect((await call('GET', `/keys/changes?from=${token}&to=${to}`, { token: alice.token })).status).toBe(400)
    }
  })
})
