import { describe, expect, it } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { call } from '../../../support/api-client.ts'
import { inOneRoom, parked } from '../../../support/parked-polls.ts'
import { presenceOf, setPresence } from '../../../support/presence.ts'
import { ok } from '../../../support/room-api.ts'

describe('presence that is switched off', () => {
  it('is accepted, believed by nobody, wakes nobody, and costs nothing but the request', async () => {
    const { alice, bob, since } = await inOneRoom()
    const waiting = call('GET', `/sync?since=${encodeURIComponent(since)}&timeout=20000&set_presence=online`, { token: bob.token })
    await parked(bob, 1)
    const before = costTotals()
    await setPresence(alice, 'online', 'here')
    const after = costTotals()
    expect([(after.rpc ?? 0) - (before.rpc ?? 0), (after.commit ?? 0) - (before.commit ?? 0)]).toEqual([1, 0])
    expect(ok(await presenceOf(bob, alice.userId)).body).toEqual({ presence: 'offline' })
    await parked(bob, 1)
    ok(await call('PUT', `/user/${encodeURIComponent(bob.userId)}/account_data/x`, { token: bob.token, body: { a: 1 } }))
    expect(ok(await waiting).body.presence).toEqual({ events: [] })
  })
})
