import { describe, expect, it } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { call, logIn, registerAccount } from '../../../support/api-client.ts'
import { inOneRoom, parked } from '../../../support/parked-polls.ts'
import { createRoom, enc, ok, say } from '../../../support/room-api.ts'
import { bodiesOf, poll, type Synced, sync } from '../../../support/sync-api.ts'

async function costOf(body: () => Promise<unknown>): Promise<Record<string, number>> {
  const before: Record<string, number | undefined> = costTotals()
  await body()
  const after: Record<string, number | undefined> = costTotals()
  return Object.fromEntries(Object.entries(after).map(([kind, count]) => [kind, (count ?? 0) - (before[kind] ?? 0)]))
}

describe('a poll that waits', () => {
  it('is answered with what happens', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const waiting = sync(bob, since, { timeout: 20_000 })
    await parked(bob, 1)
    ok(await say(alice, roomId, 'wake up'))
    expect(bodiesOf(await waiting, roomId)).toEqual(['wake up'])
    await parked(bob, 0)
  })

  it('is answered with nothing when its time is up, and its token goes on from there', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const answer = await sync(bob, since, { timeout: 200 })
    expect(answer.rooms).toEqual({ join: {}, leave: {} })
    ok(await say(alice, roomId, 'later'))
    expect(bodiesOf(await sync(bob, answer.next_batch, { timeout: 3000 }), roomId)).toEqual(['later'])
  })

  it('is woken by account data and by an invite', async () => {
    const { alice, bob, since } = await inOneRoom()
    const first = sync(bob, since, { timeout: 20_000 })
    await parked(bob, 1)
    ok(await call('PUT', `/user/${enc(bob.userId)}/account_data/org.example`, { token: bob.token, body: { a: 1 } }))
    const { account_data, next_batch } = await first
    expect(account_data.events.map(({ type }) => type)).toEqual(['org.example'])
    const second = sync(bob, next_batch, { timeout: 20_000 })
    await parked(bob, 1)
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    expect(Object.keys((await second).rooms.invite)).toEqual([roomId])
  })

  it('wakes on every device, each for itself', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const other = await logIn(bob.localpart)
    const theirs = (await sync(other)).next_batch
    const waiting = [sync(bob, since, { timeout: 20_000 }), sync(other, theirs, { timeout: 20_000 })]
    await parked(bob, 2)
    ok(await say(alice, roomId, 'all'))
    for (const answer of await Promise.all(waiting)) expect(bodiesOf(answer, roomId)).toEqual(['all'])
  })

  it('costs one hop and no commit, whether or not it comes to waiting', async () => {
    const { bob, since } = await inOneRoom()
    const settled = (await sync(bob, since)).next_batch
    expect(await costOf(() => sync(bob, settled))).toMatchObject({ rpc: 1, commit: 0 })
    expect(await costOf(() => sync(bob, settled, { timeout: 100 }))).toMatchObject({ rpc: 1, park: 1, commit: 0 })
  })

  it('has its filter applied where it waits, also one that is too long to be kept', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const padding = Array.from({ length: 100 }, (_, index) => `!padding${index}:test.example`)
    for (const filter of [{ room: { not_rooms: [roomId] } }, { room: { not_rooms: [roomId, ...padding] } }]) {
      const waiting = sync(bob, since, { filter: JSON.stringify(filter), timeout: 1500 })
      await parked(bob, 1)
      ok(await say(alice, roomId, 'filtered out'))
      expect((await waiting).rooms.join).toEqual({})
    }
  })

  it('replaces an older one of the same connection, and two clients that share one do not chase each other', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const settled = (await sync(bob, since)).next_batch
    const older = sync(bob, settled, { timeout: 20_000 })
    await parked(bob, 1)
    let newer: Promise<Synced> | undefined
    const costs = await costOf(async () => {
      newer = sync(bob, settled, { timeout: 20_000 })
      expect((await older).rooms.join).toEqual({})
    })
    expect(costs).toMatchObject({ park: 1 })
    await parked(bob, 1)
    ok(await say(alice, roomId, 'for the newer'))
    expect((await newer)?.rooms.join).toHaveProperty([roomId])
  })

  it('replaces the oldest where a device has too many', async () => {
    const { bob, since } = await inOneRoom()
    const filterOf = (index: number) => JSON.stringify({ room: { timeline: { limit: index + 1 } } })
    const waiting = Array.from({ length: 4 }, (_, index) => sync(bob, since, { filter: filterOf(index), timeout: 4000 }))
    await parked(bob, 4)
    const fifth = sync(bob, since, { filter: filterOf(4), timeout: 3000 })
    await Promise.race(waiting)
    await parked(bob, 4)
    await Promise.all([...waiting, fifth])
  })

  it('ends when its device is logged out, with M_UNKNOWN_TOKEN', async () => {
    const { bob, since } = await inOneRoom()
    const other = await logIn(bob.localpart)
    const theirs = (await sync(other)).next_batch
    const [mine, gone] = [poll(bob, since, { timeout: 3000 }), poll(other, theirs, { timeout: 20_000 })]
    await parked(bob, 2)
    ok(await call('POST', '/logout', { token: other.token, body: {} }))
    const { status, body } = await gone
    expect([status, body.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN'])
    await parked(bob, 1)
    expect((await mine).status).toBe(200)
  })

  it('is refused to whoever has no valid token', async () => {
    const bob = await registerAccount()
    const { next_batch } = await sync(bob)
    ok(await call('POST', '/logout', { token: bob.token, body: {} }))
    expect((await poll(bob, next_batch, { timeout: 1000 })).status).toBe(401)
  })
})
