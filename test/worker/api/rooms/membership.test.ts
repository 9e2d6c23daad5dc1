import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { call, PASSWORD, type TestSession } from '../../../support/api-client.ts'
import {
  createRoom,
  enc,
  getState,
  join,
  knock,
  leave,
  memberContent,
  moderate,
  nameThemselves,
  ok,
  people,
  putState,
  say,
} from '../../../support/room-api.ts'

type Pair = [TestSession, TestSession]

function forget(who: TestSession, roomId: string) {
  return call('POST', `/rooms/${enc(roomId)}/forget`, { token: who.token })
}

async function joined(who: TestSession): Promise<string[]> {
  return ok(await call('GET', '/joined_rooms', { token: who.token })).body.joined_rooms
}

describe('memberships', () => {
  it('carry the reason that is given', async () => {
    const [alice, bob] = (await people(2)) as Pair
    await nameThemselves(bob, 'Bob')
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await moderate(alice, 'invite', roomId, bob, 'please'))
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'invite', displayname: 'Bob', reason: 'please' })
    ok(await call('POST', `/rooms/${enc(roomId)}/join`, { token: bob.token, body: { reason: 'gladly' } }))
    expect(await memberContent(alice, roomId, bob.userId)).toMatchObject({ membership: 'join', reason: 'gladly' })
    ok(await moderate(alice, 'kick', roomId, bob, 'enough'))
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'leave', reason: 'enough' })
    ok(await moderate(alice, 'ban', roomId, bob, 'really'))
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'ban', reason: 'really' })
    ok(await moderate(alice, 'unban', roomId, bob, 'well'))
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'leave', reason: 'well' })
  })

  it('are on the list of the user concerned when the answer comes', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    expect(await joined(bob)).toEqual([roomId])
    ok(await moderate(alice, 'kick', roomId, bob))
    expect(await joined(bob)).toEqual([])
    ok(await join(bob, roomId))
    ok(await leave(bob, roomId))
    expect(await joined(bob)).toEqual([])
  })

  it('do not change when a join is repeated, whatever happened to the profile', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const before = costTotals().commit
    for (let i = 0; i < 3; i += 1) expect(ok(await join(bob, roomId)).body).toEqual({ room_id: roomId })
    expect(costTotals().commit).toBe(before)
  })

  it('are refused under a name of this server that nobody has, and no object is named for it', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const ghost = { userId: '@nobody-here:test.example' }
    const constructed = costTotals().construct
    for (const action of ['invite', 'ban', 'kick', 'unban'] as const) {
      expect(await moderate(alice, action, roomId, ghost)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    }
    for (const membership of ['invite', 'ban', 'leave']) {
      expect(await putState(alice, roomId, 'm.room.member', { membership }, ghost.userId)).toMatchObject({ status: 404 })
    }
    expect(costTotals().construct).toBe(constructed)
  })

  it('of users of other servers cannot be offered where those servers do not answer, but forbidden', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const bob = { userId: '@bob:elsewhere.example' }
    expect(await moderate(alice, 'invite', roomId, bob)).toMatchObject({ status: 502, body: { errcode: 'M_UNKNOWN' } })
    expect((await getState(alice, roomId, 'm.room.member', bob.userId)).status).toBe(404)
    ok(await moderate(alice, 'ban', roomId, bob))
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'ban' })
  })

  it('ask for a user ID', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    expect(await moderate(alice, 'ban', roomId, { userId: 'bob' })).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    const path = `/rooms/${enc(roomId)}/invite`
    expect(await call('POST', path, { token: alice.token, body: {} })).toMatchObject({ status: 400, body: { errcode: 'M_MISSING_PARAM' } })
  })

  it('tell what is wrong with the state of the user concerned', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice)
    expect(await moderate(alice, 'unban', roomId, bob)).toMatchObject({ status: 403, body: { errcode: 'M_BAD_STATE' } })
    expect(await moderate(alice, 'kick', roomId, bob)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })

  it('turn a knock into an invitation, and a declined knock into nothing', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }] })
    await nameThemselves(bob, 'Bob')
    ok(await knock(bob, roomId))
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'knock', displayname: 'Bob' })
    ok(await leave(bob, roomId))
    ok(await knock(bob, roomId))
    ok(await moderate(alice, 'invite', roomId, bob))
    ok(await join(bob, roomId))
    ok(await say(bob, roomId))
  })

  it('decided at the same time end in one of the two ways', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const [attempt] = await Promise.all([join(bob, roomId), moderate(alice, 'ban', roomId, bob)])
    expect(await memberContent(alice, roomId, bob.userId)).toMatchObject({ membership: 'ban' })
    expect([200, 403]).toContain(attempt.status)
    expect((await say(bob, roomId)).status).toBe(403)
    expect(await joined(bob)).toEqual([])
  })
})

describe('rooms that do not exist', () => {
  it('are not joined', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const constructed = costTotals().construct
    const room = '!nothing:test.example'
    expect(await join(alice, room)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(await knock(alice, room)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(await join(alice, '#alias:test.example')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(await join(alice, 'room')).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    expect(await leave(alice, room)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await say(alice, room)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await call('GET', `/rooms/${enc(room)}/state`, { token: alice.token })).toMatchObject({ status: 403 })
    expect(costTotals().construct).toBe(constructed)
  })

  it('answer like rooms that are none of the asker’s business', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice)
    const answers = await Promise.all([say(bob, roomId), say(bob, '!nothing:test.example')])
    expect(answers[0].body).toEqual(answers[1].body)
    expect(answers[0].status).toBe(answers[1].status)
  })
})

describe('forgetting a room', () => {
  it('waits until one has left', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    expect(await forget(alice, roomId)).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
    ok(await leave(alice, roomId))
    ok(await forget(alice, roomId))
    for (const path of ['messages?dir=b', 'state', 'members', 'joined_members']) {
      expect(await call('GET', `/rooms/${enc(roomId)}/${path}`, { token: alice.token })).toMatchObject({ status: 403 })
    }
  })

  it('does not keep one from coming back', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    ok(await leave(bob, roomId))
    ok(await forget(bob, roomId))
    ok(await join(bob, roomId))
    expect(await joined(bob)).toEqual([roomId])
    ok(await say(bob, roomId))
  })
})

describe('restricted rooms', () => {
  const restricted = (rule: string, allow: readonly string[]) => ({
    initial_state: [
      {
        type: 'm.room.join_rules',
        content: { join_rule: rule, allow: allow.map((roomId) => ({ type: 'm.room_membership', room_id: roomId })) },
      },
    ],
  })

  it.each([
    ['restricted', '10'],
    ['restricted', '12'],
    ['knock_restricted', '11'],
  ])('under the rule %s of version %s admit members of the rooms they name', async (rule, version) => {
    const [alice, bob] = (await people(2)) as Pair
    const space = await createRoom(alice, { preset: 'public_chat' })
    const roomId = await createRoom(alice, { room_version: version, ...restricted(rule, ['!other:test.example', space]) })
    expect(await join(bob, roomId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    ok(await join(bob, space))
    ok(await join(bob, roomId))
    expect(await memberContent(alice, roomId, bob.userId)).toMatchObject({
      membership: 'join',
      join_authorised_via_users_server: alice.userId,
    })
    ok(await say(bob, roomId))
    // Later changes of the same membership need nobody's word.
    ok(await putState(bob, roomId, 'm.room.member', { membership: 'join', displayname: 'B' }, bob.userId))
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'join', displayname: 'B' })
  })

  it('do not admit who has left the room they name', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const space = await createRoom(alice, { preset: 'public_chat' })
    const roomId = await createRoom(alice, restricted('restricted', [space]))
    ok(await join(bob, space))
    ok(await leave(bob, space))
    expect(await join(bob, roomId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })

  it('do not believe a client that names somebody who let it in', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, restricted('restricted', []))
    const content = { membership: 'join', join_authorised_via_users_server: alice.userId }
    ok(await moderate(alice, 'invite', roomId, bob))
    ok(await leave(bob, roomId))
    expect(await putState(bob, roomId, 'm.room.member', content, bob.userId)).toMatchObject({ status: 403 })
  })

  it('admit nobody when nobody here may invite', async () => {
    const [alice, bob, carol] = (await people(3)) as [TestSession, TestSession, TestSession]
    const space = await createRoom(alice, { preset: 'public_chat' })
    const roomId = await createRoom(alice, { ...restricted('restricted', [space]), power_level_content_override: { invite: 50 } })
    for (const who of [bob, carol]) ok(await join(who, space))
    ok(await join(bob, roomId))
    ok(await leave(alice, roomId))
    expect(await join(carol, roomId)).toMatchObject({ status: 403, body: { errcode: 'M_UNABLE_TO_GRANT_JOIN' } })
  })

  it('keep the banned out', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const space = await createRoom(alice, { preset: 'public_chat' })
    const roomId = await createRoom(alice, restricted('restricted', [space]))
    ok(await join(bob, space))
    ok(await moderate(alice, 'ban', roomId, bob))
    expect(await join(bob, roomId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })

  it('admit the invited without asking where they are', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, restricted('restricted', ['!other:test.example']))
    ok(await moderate(alice, 'invite', roomId, bob))
    ok(await join(bob, roomId))
    expect(await memberContent(alice, roomId, bob.userId)).not.toHaveProperty('join_authorised_via_users_server')
  })
})

describe('a changed profile', () => {
  it('reaches every room that the user has joined', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const rooms = await Promise.all([createRoom(alice, { preset: 'public_chat' }), createRoom(alice, { preset: 'public_chat' })])
    for (const roomId of rooms) ok(await join(bob, roomId))
    await nameThemselves(bob, 'Robert')
    for (const roomId of rooms) {
      await expect.poll(() => memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'join', displayname: 'Robert' })
    }
    ok(await call('DELETE', `/profile/${enc(bob.userId)}/displayname`, { token: bob.token }))
    for (const roomId of rooms) await expect.poll(() => memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'join' })
  })

  it('is carried on by the alarm when the object ended right after it', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const stub = env.USER.get(env.USER.idFromName(bob.userId))
    await runInDurableObject(stub, (_user, state) => {
      state.storage.sql.exec("INSERT OR REPLACE INTO profile_fields (name, value) VALUES ('displayname', '\"Bobby\"')")
      state.storage.sql.exec("INSERT OR REPLACE INTO due (kind, key, at) VALUES ('profile', '', 1)")
      return state.storage.setAlarm(Date.now() + 60_000)
    })
    await stub.abortForTest().catch(() => undefined)
    expect(await runDurableObjectAlarm(env.USER.get(env.USER.idFromName(bob.userId)))).toBe(true)
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'join', displayname: 'Bobby' })
  })
})

describe('a deactivated account', () => {
  it('leaves its rooms', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: bob.localpart }, password: PASSWORD }
    ok(await call('POST', '/account/deactivate', { token: bob.token, body: { auth } }))
    await expect.poll(() => memberContent(alice, roomId, bob.userId)).toMatchObject({ membership: 'leave' })
  })
})
