import { runInDurableObject } from 'cloudflare:test'
import { exports } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { User } from '../../../../src/durable/user/user.ts'
import type { UserCore } from '../../../../src/durable/user/user-core.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { findRoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { type Answer, call, type TestSession } from '../../../support/api-client.ts'
import { userStub } from '../../../support/crash-worker.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { HostileRoom, stateKeyOf } from '../../../support/hostile-room.ts'
import { HostileServer } from '../../../support/hostile-server.ts'
import { createRoom, enc, moderate, ok, people, putState } from '../../../support/room-api.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

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

it('O5: invitations are limited for each target, refused by a block list, dropped in silence, and come to nothing in rooms that are none', async () => {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const peer = new HostileServer('inviting.example', 41)
  new HostileInternet().install().server(peer)
  const eve = '@eve:inviting.example'
  const rules = findRoomVersionRules('12')
  if (rules === undefined) throw new Error('12')
  const room = HostileRoom.found(rules, peer.signer, eve, Date.now(), {})
  const create = room.line.state.get(stateKeyOf('m.room.create'))?.pdu ?? {}
  const name = { type: 'm.room.name', state_key: '', sender: eve, content: { name: 'buy this' } }
  const invite = async (change: JsonObject = {}) => {
    const { pdu, eventId } = room.draft({ sender: eve, type: 'm.room.member', stateKey: alice.userId, content: { membership: 'invite' } })
    const path = `https://test.example/_matrix/federation/v2/invite/${enc(room.roomId)}/${enc(eventId)}`
    const body = { room_version: '12', event: pdu, invite_room_state: [create, name], ...change }
    const response = await exports.default.fetch(peer.signedRequest('PUT', path, body))
    const answer = (await response.json()) as { readonly errcode?: string }
    return [response.status, answer.errcode]
  }
  expect(await invite({ room_version: '99' })).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION'])
  expect(await invite({ invite_room_state: [name] })).toEqual([400, 'M_INVALID_PARAM'])
  await set(alice, UNSTABLE, { blocked_servers: ['inviting.*'] })
  expect(await invite()).toEqual([403, 'M_INVITE_BLOCKED'])
  // Neither the room nor its name is shown, and the sender is told nothing.
  await set(alice, UNSTABLE, { ignored_servers: ['inviting.*'] })
  expect(await invite()).toEqual([200, undefined])
  expect(await invitations(alice)).toEqual({ classic: [], sliding: [] })
  expect(JSON.stringify(ok(await call('GET', '/sync', { token: alice.token })).body)).not.toContain('buy this')
  await set(alice, UNSTABLE, {})
  await runInDurableObject(userStub(alice.userId), (user) => {
    if (!(user instanceof User)) throw new Error('not a user')
    // A session that nobody has opened will do.
    const nobody = {
      kind: 'access_token',
      token: '',
      standing: 'unlocked',
      rateLimit: 'none',
      clientAddress: '',
      requestId: 'test',
    } as const
    const core: UserCore = Reflect.get(user.open(nobody), 'core')
    Reflect.set(core, 'config', { ...core.config, rateLimits: true })
  })
  const refused: unknown[] = []
  for (let attempt = 0; attempt < 40; attempt += 1) refused.push((await invite())[0])
  expect([refused.filter((status) => status === 200).length, refused.filter((status) => status === 429).length]).toEqual([30, 10])
  // Others are not held up by that.
  const roomId = await createRoom(bob)
  ok(await moderate(bob, 'invite', roomId, alice))
})
