import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { type HostileWorld, shareRoom, startHostileWorld } from '../../../support/hostile-world.ts'
import { deviceKeysOf, oneTimeKeys } from '../../../support/made-keys.ts'

const e = encodeURIComponent
let world: HostileWorld

beforeAll(async () => {
  world = await startHostileWorld({ MYELIN_USER_LOOKUPS: 'shared-rooms' })
}, 120_000)
afterAll(async () => world?.stop())

/** What a server finds out about a user: devices one way and another, a key, the profile. */
async function findsOut(peer: HostilePeer, userId: string, deviceId: string): Promise<unknown[]> {
  const devices = await peer.ask('GET', `v1/user/devices/${e(userId)}`)
  const query = await peer.ask('POST', 'v1/user/keys/query', { device_keys: { [userId]: [] } })
  const claim = await peer.ask('POST', 'v1/user/keys/claim', { one_time_keys: { [userId]: { [deviceId]: 'signed_curve25519' } } })
  const profile = await peer.ask('GET', `v1/query/profile?user_id=${e(userId)}`)
  const listed = query.body.device_keys as Record<string, object>
  return [devices.status, Object.keys(listed[userId] ?? {}), Object.keys(claim.body.one_time_keys as object), profile.status]
}

describe('other servers that look up users where only shared rooms allow it (D12)', () => {
  it('find out what they need once somebody of theirs is in a room, and nothing before and after', async () => {
    const alice = await world.here.register('alice')
    const { userId, deviceId } = alice
    const body = { device_keys: deviceKeysOf({ userId, deviceId }), one_time_keys: oneTimeKeys(5) }
    await alice.call('POST', '/v3/keys/upload', { body })
    const stranger = await world.peer()
    const nothing = [404, [], [], 404]
    expect(await findsOut(stranger, userId, deviceId)).toEqual(nothing)
    expect(await findsOut(stranger, `@nobody:${world.here.name}`, deviceId)).toEqual(nothing)
    const { peer, room, eve } = await shareRoom(alice, await world.peer(), '12')
    expect(await findsOut(peer, userId, deviceId)).toEqual([200, [deviceId], [userId], 200])
    expect(await findsOut(stranger, userId, deviceId)).toEqual(nothing)
    await peer.send(room.state(eve, 'm.room.member', eve, { membership: 'leave' }))
    expect(await findsOut(peer, userId, deviceId)).toEqual(nothing)
  })
})
