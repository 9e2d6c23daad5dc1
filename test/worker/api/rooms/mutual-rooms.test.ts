import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, leave, ok, people } from '../../../support/room-api.ts'

async function mutual(who: TestSession, userId: string) {
  return await call('GET', `/_matrix/client/v1/mutual_rooms?user_id=${enc(userId)}`, { token: who.token })
}

describe('GET /mutual_rooms', () => {
  it('lists the rooms that both have joined, and no others', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const [both, left, invited] = await Promise.all([1, 2, 3].map(() => createRoom(alice, { preset: 'public_chat' })))
    // Rooms of each one's own.
    await Promise.all([createRoom(alice), createRoom(bob)])
    for (const roomId of [both, left]) ok(await join(bob, roomId ?? ''))
    ok(await leave(bob, left ?? ''))
    ok(await call('POST', `/rooms/${enc(invited ?? '')}/invite`, { token: alice.token, body: { user_id: bob.userId } }))
    for (const [me, them] of [
      [alice, bob],
      [bob, alice],
    ] as const)
      expect(ok(await mutual(me, them.userId)).body).toEqual({ joined: [both], count: 1 })
    const path = `/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms?user_id=${enc(bob.userId)}`
    expect(ok(await call('GET', path, { token: alice.token })).body).toEqual({ joined: [both] })
  })

  it('lists nothing for users who are strangers, elsewhere or nobody, and refuses one’s own ID and what is none', async () => {
    const [alice, eve] = await people(2)
    if (alice === undefined || eve === undefined) throw new Error('nobody')
    await createRoom(alice)
    for (const userId of [eve.userId, '@nobody-of-that-name:test.example', '@far:away.example']) {
      expect(ok(await mutual(alice, userId)).body).toEqual({ joined: [], count: 0 })
    }
    for (const userId of [alice.userId, 'alice']) {
      const { status, body } = await mutual(alice, userId)
      expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    }
  })
})
