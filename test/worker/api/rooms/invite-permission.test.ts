import { describe, expect, it } from 'vitest'
import { type Answer, call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, moderate, ok, people, putState } from '../../../support/room-api.ts'

const STABLE = 'm.invite_permission_config'
const UNSTABLE = 'org.matrix.msc4155.invite_permission_config'

function set(who: TestSession, type: string, content: object): Promise<Answer> {
  return call('PUT', `/user/${enc(who.userId)}/account_data/${type}`, { token: who.token, body: content }).then(ok)
}

let connections = 0

/** Rooms that a user is invited to, as classic and sliding sync say. */
async function invitations(who: TestSession): Promise<{ readonly classic: string[]; readonly sliding: string[] }> {
  const classic = Object.keys(ok(await call('GET', '/sync', { token: who.token })).body.rooms?.invite ?? {})
  const list = { ranges: [[0, 20]], timeline_limit: 1, required_state: [], filters: { is_invite: true } }
  connections += 1
  const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
  const sliding =
    ok(await call('POST', path, { token: who.token, body: { conn_id: `c${connections}`, lists: { a: list } } })).body.rooms ?? {}
  return { classic, sliding: Object.keys(sliding) }
}

describe('permission to invite', () => {
  it.each([
    ['everybody (client-server-api#invite-permission)', STABLE, () => ({ default_action: 'block' })],
    ['one user (MSC4155)', UNSTABLE, (bob: TestSession) => ({ blocked_users: [bob.userId] })],
    ['a server (MSC4155)', UNSTABLE, () => ({ blocked_servers: ['test.*'] })],
  ] as const)('is refused to %s, whichever way the invitation takes', async (_whom, type, content) => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const roomId = await createRoom(bob)
    await set(alice, type, content(bob))
    const ways = [
      moderate(bob, 'invite', roomId, alice),
      putState(bob, roomId, 'm.room.member', { membership: 'invite' }, alice.userId),
      call('POST', '/createRoom', { token: bob.token, body: { invite: [alice.userId] } }),
    ]
    for (const answer of await Promise.all(ways)) expect([answer.status, answer.body.errcode]).toEqual([403, 'M_INVITE_BLOCKED'])
    expect(await invitations(alice)).toEqual({ classic: [], sliding: [] })
    await set(alice, type, {})
    ok(await moderate(bob, 'invite', roomId, alice))
    expect(await invitations(alice)).toEqual({ classic: [roomId], sliding: [roomId] })
  })

  it('hides invitations of those who are ignored, and those that came before; they come back with the permission', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const before = await createRoom(bob, { invite: [alice.userId] })
    const since = ok(await call('GET', '/sync', { token: alice.token })).body.next_batch
    await set(alice, UNSTABLE, { ignored_users: [bob.userId] })
    const after = await createRoom(bob)
    ok(await moderate(bob, 'invite', after, alice))
    expect(await invitations(alice)).toEqual({ classic: [], sliding: [] })
    expect(ok(await call('GET', `/sync?since=${since}`, { token: alice.token })).body.rooms?.invite).toBeUndefined()
    await set(alice, UNSTABLE, { ignored_users: [bob.userId], enabled: false })
    const all = await invitations(alice)
    expect([all.classic.sort(), all.sliding.sort()]).toEqual([[before, after].sort(), [before, after].sort()])
  })
})
