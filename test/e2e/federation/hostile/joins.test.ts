import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sealPdu } from '../../../../src/matrix/events/create-event.ts'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import { type HostilePeer, pdusOf } from '../../../support/hostile-peer.ts'
import { type HostileRoom, stateKeyOf } from '../../../support/hostile-room.ts'
import { flood } from '../../../support/hostile-server.ts'
import { type HostileWorld, outcomeOf, shareRoom, startHostileWorld } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let alice: MatrixClient
let bystander: HostilePeer

beforeAll(async () => {
  world = await startHostileWorld()
  alice = await world.here.register('alice')
  bystander = await world.peer()
}, 120_000)
afterAll(async () => world?.stop())

const e = encodeURIComponent
/** What JSON can be besides an object. */
const noObject = (value: unknown): JsonObject => value as JsonObject
const MAKE_JOIN = /\/make_join\//
const SEND_JOIN = /\/send_join\//
const joinVia = (roomId: string, peer: HostilePeer) =>
  outcomeOf(alice.call('POST', `/v3/join/${e(roomId)}`, { query: { via: peer.serverName }, body: {} }))

/** A peer of its own with a room, so that what one test provokes does not weigh on another. */
async function hostedRoom(version: string): Promise<{ peer: HostilePeer; room: HostileRoom }> {
  const peer = await world.peer()
  return { peer, room: peer.found(version, peer.user('host')) }
}

function resealed(pdu: JsonObject, change: JsonObject, peer: HostilePeer, room: HostileRoom): JsonObject {
  const { hashes: _hashes, signatures: _signatures, ...bare } = pdu
  return sealPdu({ ...bare, ...change }, room.rules, peer.signer).pdu
}

describe.each(['10', '12'])('joining a room of version %s through a server that lies', (version) => {
  type TemplateLie = readonly [what: string, change: (event: JsonObject, answer: JsonObject) => JsonObject]
  const templates: readonly TemplateLie[] = [
    ['another room', (event, answer) => ({ ...answer, event: { ...event, room_id: '!other:example.org' } })],
    ['another sender', (event, answer) => ({ ...answer, event: { ...event, sender: '@bob:example.org' } })],
    ['another state key', (event, answer) => ({ ...answer, event: { ...event, state_key: '@bob:example.org' } })],
    ['another type', (event, answer) => ({ ...answer, event: { ...event, type: 'm.room.power_levels' } })],
    ['another membership', (event, answer) => ({ ...answer, event: { ...event, content: { membership: 'ban' } } })],
    ['no content', (event, answer) => ({ ...answer, event: { ...event, content: 5 } })],
    ['an unknown version', (_event, answer) => ({ ...answer, room_version: '99' })],
    ['no version', (event) => ({ event })],
    [
      'a thousand predecessors',
      (event, answer) => ({ ...answer, event: { ...event, prev_events: Array.from({ length: 1000 }, (_, n) => `$${n}`) } }),
    ],
    ['no event', (_event, answer) => ({ ...answer, event: [] })],
  ]

  it('F10: signs nothing where the template is of something else', async () => {
    const { peer, room } = await hostedRoom(version)
    for (const [what, change] of templates) {
      peer.lie('GET', MAKE_JOIN, (honest) => change(isJsonObject(honest.event) ? honest.event : {}, honest))
      const { status } = await joinVia(room.roomId, peer)
      expect([what, status >= 400]).toEqual([what, true])
      expect([what, peer.asked(SEND_JOIN)]).toEqual([what, 0])
    }
    expect(await alice.joinedRooms()).not.toContain(room.roomId)
  })

  it('F10: takes nothing of a template but its place in the graph', async () => {
    const { peer, room } = await hostedRoom(version)
    let sent: JsonObject = {}
    peer.lie('GET', MAKE_JOIN, (honest) => {
      const event = isJsonObject(honest.event) ? honest.event : {}
      return {
        ...honest,
        event: {
          ...event,
          content: { membership: 'join', displayname: 'Mallory', extra: 'signed?' },
          extra: 'signed?',
          origin_server_ts: 1,
        },
      }
    })
    peer.lie('PUT', SEND_JOIN, (honest, request) => {
      sent = JSON.parse(request.text)
      return honest
    })
    expect(await joinVia(room.roomId, peer)).toMatchObject({ status: 200 })
    expect(JSON.stringify(sent)).not.toMatch(/Mallory|signed\?/)
    expect(Number(sent.origin_server_ts)).toBeGreaterThan(1_000_000_000_000)
  })

  type AnswerLie = readonly [what: string, change: (honest: JsonObject, peer: HostilePeer, room: HostileRoom) => JsonObject]
  const drop = (type: string, pdus: unknown): JsonObject[] => pdusOf(pdus).filter((pdu) => pdu.type !== type)
  const answers: readonly AnswerLie[] = [
    [
      'no create event',
      (honest) => ({ ...honest, state: drop('m.room.create', honest.state), auth_chain: drop('m.room.create', honest.auth_chain) }),
    ],
    ['no state', ({ state: _, ...honest }) => honest],
    ['state that is no list', (honest) => ({ ...honest, state: {} })],
    [
      'state without signatures',
      (honest) => ({ ...honest, state: pdusOf(honest.state).map((pdu) => ({ ...pdu, signatures: {} })), auth_chain: [] }),
    ],
    [
      'state of another room',
      (honest, peer) => {
        const other = peer.found(version, peer.user('other'))
        return { ...honest, state: [...other.line.state.values()].map(({ pdu }) => pdu), auth_chain: [] }
      },
    ],
    [
      'state that forbids the join',
      (honest, peer, room) => {
        const rules = room.draft({ sender: peer.user('host'), type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'invite' } })
        return { ...honest, state: [...drop('m.room.join_rules', honest.state), rules.pdu] }
      },
    ],
    [
      'two events for one part of the state',
      (honest, peer, room) => {
        const rules = room.draft({ sender: peer.user('host'), type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'knock' } })
        return { ...honest, state: [...pdusOf(honest.state), rules.pdu] }
      },
    ],
    [
      'a create event of another version',
      (honest, peer, room) => {
        const [create] = pdusOf(honest.state).filter(({ type }) => type === 'm.room.create')
        const content = { ...(create?.content as JsonObject), room_version: '1' }
        const changed = resealed(create ?? {}, { content }, peer, room)
        return {
          ...honest,
          state: [...drop('m.room.create', honest.state), changed],
          auth_chain: [...drop('m.room.create', honest.auth_chain), changed],
        }
      },
    ],
    ['an answer that is no object', () => noObject([])],
  ]

  it('F11: leaves nothing half-made where the answer is not what the join can rest on, and joins once it is', async () => {
    for (const [what, change] of answers) {
      const { peer, room } = await hostedRoom(version)
      peer.lie('PUT', SEND_JOIN, (honest) => {
        room.line = { ...room.line, state: new Map([...room.line.state].filter(([key]) => !key.includes(alice.userId))) }
        return change(honest, peer, room)
      })
      const { status, errcode } = await joinVia(room.roomId, peer)
      expect([what, status >= 400, errcode]).toEqual([what, true, expect.not.stringMatching(/TOKEN/)])
      expect([what, await alice.joinedRooms()]).toEqual([what, expect.not.arrayContaining([room.roomId])])
      const { body } = await bystander.ask('GET', `v1/make_join/${e(room.roomId)}/${e(bystander.user('x'))}?ver=${version}`)
      expect([what, body.errcode]).toEqual([what, 'M_NOT_FOUND'])
      peer.lie('PUT', SEND_JOIN, (honest) => honest)
      expect([what, await joinVia(room.roomId, peer)]).toMatchObject([what, { status: 200 }])
      expect(await alice.joinedMembers(room.roomId)).toContain(alice.userId)
    }
  })

  it('F11: believes no forged event in the state, and what rests on it', async () => {
    const { peer, room } = await hostedRoom(version)
    const host = peer.user('host')
    const outsider = peer.user('outsider')
    const unauthorized = room.draft({ sender: outsider, type: 'm.room.topic', stateKey: '', content: { topic: 'not allowed' } })
    const name = room.draft({ sender: host, type: 'm.room.name', stateKey: '', content: { name: 'honest' } })
    const altered = { ...name.pdu, content: { name: 'altered' } }
    const foreign = room.draft({
      sender: bystander.user('bob'),
      type: 'm.room.member',
      stateKey: bystander.user('bob'),
      content: { membership: 'join' },
    })
    peer.lie('PUT', SEND_JOIN, (honest) => ({ ...honest, state: [...pdusOf(honest.state), unauthorized.pdu, altered, foreign.pdu] }))
    expect(await joinVia(room.roomId, peer)).toMatchObject({ status: 200 })
    const state = await alice.state(room.roomId)
    expect(state.map(({ type }) => type)).not.toContain('m.room.topic')
    expect(state.find(({ type }) => type === 'm.room.name')?.content.name).toBeUndefined()
    expect(state.map(({ state_key }) => state_key)).not.toContain(bystander.user('bob'))
  })

  it('F12: a restricted join that nobody has vouched for is no join', async () => {
    const { peer, room } = await hostedRoom(version)
    const host = peer.user('host')
    room.state(host, 'm.room.join_rules', '', {
      join_rule: 'restricted',
      allow: [{ type: 'm.room_membership', room_id: '!club:example.org' }],
    })
    peer.lie('GET', MAKE_JOIN, (honest) => {
      const event = isJsonObject(honest.event) ? honest.event : {}
      return { ...honest, event: { ...event, content: { membership: 'join', join_authorised_via_users_server: host } } }
    })
    expect((await joinVia(room.roomId, peer)).status).toBeGreaterThanOrEqual(400)
    expect(await alice.joinedRooms()).not.toContain(room.roomId)
    expect(peer.asked(SEND_JOIN)).toBe(1)
  })
})

it('E20: joins and shows a room whose known events are malformed', async () => {
  const { peer, room } = await hostedRoom('11')
  const host = peer.user('host')
  const malformed: readonly (readonly [string, string, JsonObject])[] = [
    ['m.room.name', '', { name: 5 }],
    ['m.room.topic', '', { topic: ['x'], 'm.topic': 'x' }],
    ['m.room.avatar', '', { url: {}, info: 'x' }],
    ['m.room.canonical_alias', '', { alias: 7, alt_aliases: 'x' }],
    ['m.room.encryption', '', { algorithm: 5, rotation_period_ms: 'x' }],
    ['m.room.history_visibility', '', { history_visibility: { x: 1 } }],
    ['m.room.guest_access', '', { guest_access: 1 }],
    ['m.room.pinned_events', '', { pinned: { x: 1 } }],
    ['m.room.tombstone', '', { replacement_room: 5 }],
    ['m.space.child', '!x:example.org', { via: {}, order: 5, suggested: 'x' }],
    ['m.space.child', 'no room', { via: 'x' }],
    ['m.space.parent', '!x:example.org', { via: 5, canonical: [] }],
    ['m.room.third_party_invite', 'x', { public_keys: 'x' }],
  ]
  for (const [type, stateKey, content] of malformed) room.state(host, type, stateKey, content)
  room.state(host, 'm.room.member', host, { membership: 'join', displayname: 5, avatar_url: {}, is_direct: 'x' })
  expect(await joinVia(room.roomId, peer)).toMatchObject({ status: 200 })
  const events: readonly JsonObject[] = [
    { 'm.relates_to': 'x' },
    { 'm.relates_to': { rel_type: 5, event_id: {} } },
    { 'm.relates_to': { 'm.in_reply_to': 'x', rel_type: 'm.thread' } },
    { 'm.mentions': 'x', body: { y: 1 } },
    { 'm.mentions': { user_ids: [5, {}], room: 'x' }, 'm.new_content': 5 },
    { msgtype: [], url: 5, body: null },
  ]
  for (const content of events) {
    const event = room.write({ sender: host, type: 'm.room.message', content })
    expect(await peer.send(event)).toEqual({ [event.eventId]: {} })
  }
  const redaction = room.write({ sender: host, type: 'm.room.redaction', content: { redacts: 5 } })
  await peer.send(redaction)
  const number = room.draft({ sender: host, type: 'm.room.member', stateKey: peer.user('n'), content: { membership: 5 } })
  expect(await peer.send(number)).toMatchObject({ [number.eventId]: { error: expect.any(String) } })
  expect(await alice.state(room.roomId)).toHaveLength(malformed.length + 5)
  const joined = (await alice.sync()).rooms?.join?.[room.roomId]
  expect(joined?.timeline?.events?.map(({ event_id }) => event_id)).toContain(redaction.eventId)
  expect((await alice.history(room.roomId)).length).toBeGreaterThanOrEqual(events.length)
  await alice.call('GET', `/v3/rooms/${e(room.roomId)}/members`)
  await alice.call('GET', `/v3/rooms/${e(room.roomId)}/joined_members`)
  const lists = { all: { ranges: [[0, 9]], timeline_limit: 5, required_state: [['*', '*']] } }
  await alice.call('POST', '/unstable/org.matrix.simplified_msc3575/sync', { body: { lists } })
  await alice.send(room.roomId, 'still here')
})

it('E20: joins a room whose create event names a predecessor that is none', async () => {
  const peer = await world.peer()
  const odd = peer.found('11', peer.user('host'), { predecessor: 'x', type: 5 })
  expect(await joinVia(odd.roomId, peer)).toMatchObject({ status: 200 })
  await alice.sync()
  await alice.send(odd.roomId, 'hello')
})

describe('a server that floods', () => {
  it('S5: is not read further than a join may need, and costs nothing afterwards', { timeout: 120_000 }, async () => {
    const { peer, room } = await hostedRoom('12')
    const workerd = await world.here.process.workerdPid()
    peer.on('PUT', SEND_JOIN, () => flood())
    expect((await joinVia(room.roomId, peer)).status).toBeGreaterThanOrEqual(400)
    peer.on('PUT', SEND_JOIN, () => new Response(`{"state":[${'{},'.repeat(260_000)}{}],"auth_chain":[]}`))
    expect((await joinVia(room.roomId, peer)).status).toBeGreaterThanOrEqual(400)
    peer.on('PUT', SEND_JOIN, () => new Response('['.repeat(1_000_000)))
    expect((await joinVia(room.roomId, peer)).status).toBeGreaterThanOrEqual(400)
    peer.on('GET', MAKE_JOIN, () => flood())
    expect((await joinVia(room.roomId, peer)).status).toBeGreaterThanOrEqual(400)
    expect(await world.here.process.workerdPid()).toBe(workerd)
    expect(await alice.joinedRooms()).not.toContain(room.roomId)
    const other = await shareRoom(alice, bystander, '12')
    await alice.send(other.roomId, 'others are served')
  })

  it('F20: does not log anybody out, whatever it answers', async () => {
    const { peer, room } = await hostedRoom('12')
    for (const errcode of ['M_UNKNOWN_TOKEN', 'M_MISSING_TOKEN', 'M_USER_LOCKED', 'M_USER_DEACTIVATED']) {
      peer.on('GET', MAKE_JOIN, () => Response.json({ errcode, error: 'x', soft_logout: false }, { status: 401 }))
      const outcome = await joinVia(room.roomId, peer)
      expect(outcome.status).not.toBe(401)
      expect(outcome.errcode).not.toBe(errcode)
    }
    expect((await joinVia(room.roomId, bystander)).status).toBe(404)
    await alice.sync()
  })

  it('takes JSON under any content type, and nothing else', async () => {
    const { peer, room } = await hostedRoom('12')
    peer.on('GET', MAKE_JOIN, () => new Response('<html>', { headers: { 'content-type': 'application/json' } }))
    expect((await joinVia(room.roomId, peer)).status).toBeGreaterThanOrEqual(400)
    peer.on(
      'GET',
      MAKE_JOIN,
      async (request) => new Response(await peer.honest(request).text(), { headers: { 'content-type': 'text/html' } }),
    )
    expect(await joinVia(room.roomId, peer)).toMatchObject({ status: 200 })
  })
})

it('a room whose ID is not the hash of its create event is not joined (E19)', async () => {
  const { peer, room } = await hostedRoom('12')
  const other = peer.found('12', peer.user('host'))
  const create = other.line.state.get(stateKeyOf('m.room.create'))
  peer.lie('PUT', SEND_JOIN, (honest) => ({
    ...honest,
    state: [...pdusOf(honest.state).filter(({ type }) => type !== 'm.room.create'), create?.pdu ?? {}],
    auth_chain: [create?.pdu ?? {}],
  }))
  expect((await joinVia(room.roomId, peer)).status).toBeGreaterThanOrEqual(400)
})
