import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { call } from '../../../support/api-client.ts'
import { inOneRoom, parked, parkedOf, userOf } from '../../../support/parked-polls.ts'
import { enc, ok, say } from '../../../support/room-api.ts'
import { bodiesOf, sync } from '../../../support/sync-api.ts'

/** Longer than the platform keeps an object in memory that has nothing to do; shorter than a room waits before it settles. */
const IDLE_MS = 15_000

describe('hibernation', () => {
  it('lets the object go while a poll waits, and wakes it to answer', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const settled = (await sync(bob, since)).next_batch
    const waiting = sync(bob, settled, { timeout: 25_000 })
    await parked(bob, 1)
    await evictDurableObject(userOf(bob))
    const { construct = 0 } = costTotals()
    ok(await say(alice, roomId, 'wake up'))
    expect(bodiesOf(await waiting, roomId)).toEqual(['wake up'])
    expect(costTotals().construct).toBe(construct + 1)
  })

  it('comes by itself: an idle poll holds nothing in memory', { timeout: 40_000 }, async () => {
    const { bob, since } = await inOneRoom()
    const settled = (await sync(bob, since)).next_batch
    const waiting = sync(bob, settled, { timeout: 28_000 })
    await parked(bob, 1)
    const alive = await runInDurableObject(userOf(bob), (user) => user)
    const before = costTotals().construct ?? 0
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
    // Nobody constructs it while it sleeps; the next call does.
    expect(costTotals().construct).toBe(before)
    expect(await parkedOf(bob)).toBe(1)
    expect(costTotals().construct).toBe(before + 1)
    expect(await runInDurableObject(userOf(bob), (user) => user === alive)).toBe(false)
    ok(await call('PUT', `/user/${enc(bob.userId)}/account_data/org.example`, { token: bob.token, body: { a: 1 } }))
    expect((await waiting).account_data.events).toHaveLength(1)
  })
})
