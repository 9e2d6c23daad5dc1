import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import { eventually } from '../../../support/federation-pair.ts'
import { type HostilePeer, pdusOf } from '../../../support/hostile-peer.ts'
import { stateKeyOf } from '../../../support/hostile-room.ts'
import { type HostileWorld, heard, type SharedRoom, shareRoom, startHostileWorld, texts } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let alice: MatrixClient
let peer: HostilePeer
let stranger: HostilePeer

beforeAll(async () => {
  world = await startHostileWorld()
  alice = await world.here.register('alice')
  peer = await world.peer()
  stranger = await world.peer()
}, 120_000)
afterAll(async () => world?.stop())

const e = encodeURIComponent
type Read = readonly [method: string, path: string, body?: JsonObject]

/** Every question about what happened in a room. */
function readsOf(roomId: string, eventId: string): readonly Read[] {
  return [
    ['GET', `v1/state/${e(roomId)}?event_id=${e(eventId)}`],
    ['GET', `v1/state_ids/${e(roomId)}?event_id=${e(eventId)}`],
    ['GET', `v1/event_auth/${e(roomId)}/${e(eventId)}`],
    ['GET', `v1/backfill/${e(roomId)}?v=${e(eventId)}&limit=10`],
    ['POST', `v1/get_missing_events/${e(roomId)}`, { earliest_events: [], latest_events: [eventId], limit: 10, min_depth: 0 }],
    ['GET', `v1/timestamp_to_event/${e(roomId)}?ts=1&dir=f`],
  ]
}

/** Every question about membership, and well-formed events for it. */
function membershipsOf({ roomId, room, eve }: SharedRoom): readonly Read[] {
  const sent = (version: string, action: string): Read => {
    const event = room.draft({ sender: eve, type: 'm.room.member', stateKey: eve, content: { membership: action } })
    return ['PUT', `${version}/send_${action}/${e(roomId)}/${e(event.eventId)}`, event.pdu]
  }
  return [
    ...['join', 'leave', 'knock'].map((action): Read => ['GET', `v1/make_${action}/${e(roomId)}/${e(eve)}?ver=10&ver=11&ver=12`]),
    ...['v1', 'v2'].flatMap((version) => [sent(version, 'join'), sent(version, 'leave')]),
    sent('v1', 'knock'),
  ]
}

describe.each(['10', '12'])('what other servers ask about a room of version %s', (version) => {
  it('F13: strangers hear nothing, in the same words for events that there are and for others', async () => {
    const { roomId, peer: inside } = await shareRoom(alice, peer, version)
    const eventId = await alice.send(roomId, 'secret')
    await heard(inside, roomId, 'secret')
    const real = await Promise.all(readsOf(roomId, eventId).map((read) => stranger.ask(...read)))
    const made = await Promise.all(readsOf(roomId, `$${'x'.repeat(43)}`).map((read) => stranger.ask(...read)))
    expect(made).toEqual(real)
    for (const { status, body } of real) expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const unknown = await Promise.all(readsOf('!nowhere:example.org', eventId).map((read) => stranger.ask(...read)))
    for (const { status, body } of unknown) expect([status, body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    const event = await stranger.ask('GET', `v1/event/${e(eventId)}`)
    expect(event).toEqual(await stranger.ask('GET', `v1/event/${e(`$${'x'.repeat(43)}`)}`))
    expect(event.status).toBe(404)
    // Whoever is in the room is answered.
    for (const read of [...readsOf(roomId, eventId), ['GET', `v1/event/${e(eventId)}`] as const]) {
      expect([read[1], (await inside.ask(...read)).status]).toEqual([read[1], 200])
    }
  })

  it('F14: what was not for them comes without its content, and is not found by time', async () => {
    const hidden = [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }]
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, initial_state: hidden })
    const before = await alice.send(roomId, 'before')
    await peer.join(roomId, peer.user('late'))
    const after = await alice.send(roomId, 'after')
    await heard(peer, roomId, 'after')
    const bodyOf = async (eventId: string): Promise<unknown> => {
      const { body } = await peer.ask('GET', `v1/event/${e(eventId)}`)
      const [pdu] = pdusOf(body.pdus)
      return isJsonObject(pdu?.content) ? pdu.content.body : undefined
    }
    expect([await bodyOf(before), await bodyOf(after)]).toEqual([undefined, 'after'])
    const { body } = await peer.ask('GET', `v1/backfill/${e(roomId)}?v=${e(after)}&limit=100`)
    expect(JSON.stringify(body)).not.toContain('"before"')
    const history = await alice.history(roomId)
    const ts = history.find(({ event_id }) => event_id === before)?.origin_server_ts ?? 0
    const near = await peer.ask('GET', `v1/timestamp_to_event/${e(roomId)}?ts=${ts}&dir=f`)
    expect(near.body.event_id).not.toBe(before)
    // Rejected events and outliers are nobody's either.
    const room = peer.rooms.get(roomId) ?? (await peer.join(roomId, peer.user('late')))
    const rejected = room.draft({ sender: peer.user('late'), type: 'm.room.topic', stateKey: '', content: { topic: 'mine' } })
    await peer.send(rejected)
    for (const read of readsOf(roomId, rejected.eventId).slice(0, 3)) expect((await peer.ask(...read)).status).toBe(404)
    expect((await peer.ask('GET', `v1/event/${e(rejected.eventId)}`)).status).toBe(404)
  })

  it('state and auth chain before an event are those that it was judged by', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const topic = await alice.sendState(roomId, 'm.room.topic', '', { topic: 'first' })
    const second = await alice.sendState(roomId, 'm.room.topic', '', { topic: 'second' })
    const message = await alice.send(roomId, 'after the second')
    await heard(peer, roomId, 'after the second')
    const ids = async (eventId: string) => (await peer.ask('GET', `v1/state_ids/${e(roomId)}?event_id=${e(eventId)}`)).body
    const before = await ids(second)
    expect(before.pdu_ids).toContain(topic)
    expect(before.pdu_ids).not.toContain(second)
    expect((await ids(message)).pdu_ids).toContain(second)
    const whole = (await peer.ask('GET', `v1/state/${e(roomId)}?event_id=${e(second)}`)).body
    const idsOf = (pdus: unknown): string[] => pdusOf(pdus).map((pdu) => room.parse(pdu).eventId)
    expect(idsOf(whole.pdus).sort()).toEqual([...(before.pdu_ids as string[])].sort())
    expect(idsOf(whole.auth_chain).sort()).toEqual([...(before.auth_chain_ids as string[])].sort())
    const chain = (await peer.ask('GET', `v1/event_auth/${e(roomId)}/${e(message)}`)).body
    const types = pdusOf(chain.auth_chain).map(({ type }) => type)
    expect(types).toContain('m.room.create')
    expect(types).toContain('m.room.power_levels')
    expect(idsOf(chain.auth_chain)).not.toContain(message)
    expect(eve).toBeDefined()
  })

  it('F15: a denied server is refused everywhere, and its events one by one', async () => {
    const denied = await world.peer()
    const shared = await shareRoom(alice, denied, version)
    const { roomId, room, eve } = shared
    const other = await shareRoom(alice, denied, version)
    const eventId = await alice.send(roomId, 'before')
    await heard(denied, roomId, 'before')
    // Ports are no part of what a list names (client-server-api#mroomserver_acl).
    const name = denied.serverName.split(':')[0]?.toUpperCase() ?? ''
    await alice.sendState(roomId, 'm.room.server_acl', '', { allow: ['*'], deny: [name] })
    const { pdu, eventId: inviteId } = room.draft({
      sender: eve,
      type: 'm.room.member',
      stateKey: alice.userId,
      content: { membership: 'invite' },
    })
    const create = room.line.state.get(stateKeyOf('m.room.create'))?.pdu ?? {}
    const invite: Read = [
      'PUT',
      `v2/invite/${e(roomId)}/${e(inviteId)}`,
      { room_version: version, event: pdu, invite_room_state: [create] },
    ]
    for (const read of [...readsOf(roomId, eventId), ...membershipsOf(shared), invite]) {
      const { status } = await denied.ask(...read)
      expect([read[1], status]).toEqual([read[1], 403])
    }
    const event = room.draft({ sender: eve, type: 'm.room.message', content: { body: 'denied' } })
    const welcome = other.room.write({ sender: other.eve, type: 'm.room.message', content: { body: 'welcome' } })
    const results = await denied.send(event, welcome)
    expect(results[welcome.eventId]).toEqual({})
    expect(await texts(alice, roomId)).toEqual(['before'])
    expect(await texts(alice, other.roomId)).toEqual(['welcome'])
    // Whoever has locked themselves out may still go.
    await alice.leave(roomId)
  })
})

it('finds an event by ID alone, at once and after the registry was told', { timeout: 60_000 }, async () => {
  const { roomId } = await shareRoom(alice, peer, '12')
  const latest = await alice.send(roomId, 'just now')
  await heard(peer, roomId, 'just now')
  expect((await peer.ask('GET', `v1/event/${e(latest)}`)).status).toBe(200)
  await Promise.all(Array.from({ length: 520 }, (_, n) => alice.send(roomId, `${n}`)))
  const d1 = async (): Promise<number> => {
    const { costs } = (await world.here.process.control('GET', '/metrics')) as { costs: { d1?: number } }
    return costs.d1 ?? 0
  }
  await eventually(d1, (count) => count > 0)
  // The queue's memory is gone with its object: now only the registry knows.
  await world.here.process.kill9()
  await world.here.process.restart()
  expect((await peer.ask('GET', `v1/event/${e(latest)}`)).status).toBe(200)
})

it('tells state that came with a join by its ID, to servers in the room alone', async () => {
  const room = peer.found('12', peer.user('host'))
  const name = room.state(peer.user('host'), 'm.room.name', '', { name: 'from before' })
  await alice.call('POST', `/v3/join/${e(room.roomId)}`, { query: { via: peer.serverName }, body: {} })
  const other = await world.peer()
  const late = await other.join(room.roomId, other.user('late'))
  const [tip] = late.line.tips
  const ids = await other.ask('GET', `v1/state_ids/${e(room.roomId)}?event_id=${e(tip?.eventId ?? '')}`)
  expect(ids.body.pdu_ids).toContain(name.eventId)
  for (const eventId of ids.body.pdu_ids as string[]) {
    const { status, body } = await other.ask('GET', `v1/event/${e(eventId)}`)
    expect([status, pdusOf(body.pdus).map((pdu) => room.parse(pdu).eventId)]).toEqual([200, [eventId]])
    expect((await stranger.ask('GET', `v1/event/${e(eventId)}`)).status).toBe(404)
  }
})

it('finds the event closest to a time, for users and for servers', async () => {
  const { roomId } = await shareRoom(alice, peer, '12')
  const first = await alice.send(roomId, 'first')
  const second = await alice.send(roomId, 'second')
  const events = await alice.history(roomId)
  const tsOf = (eventId: string): number => events.find(({ event_id }) => event_id === eventId)?.origin_server_ts ?? 0
  const ask = (ts: number, dir: string) =>
    alice.call<{ event_id: string; origin_server_ts: number }>('GET', `/v1/rooms/${e(roomId)}/timestamp_to_event`, {
      query: { ts: String(ts), dir },
    })
  expect(await ask(tsOf(second), 'b')).toEqual({ event_id: second, origin_server_ts: tsOf(second) })
  expect((await ask(tsOf(first), 'f')).origin_server_ts).toBe(tsOf(first))
  expect((await ask(tsOf(second) + 60_000, 'b')).event_id).toBe(second)
  await expect(ask(tsOf(second) + 60_000, 'f')).rejects.toThrow(/404 M_NOT_FOUND/)
  await expect(ask(1, 'b')).rejects.toThrow(/404 M_NOT_FOUND/)
  await expect(ask(1, 'x')).rejects.toThrow(/400/)
  const remote = await peer.ask('GET', `v1/timestamp_to_event/${e(roomId)}?ts=${tsOf(second)}&dir=b`)
  expect(remote).toEqual({ status: 200, body: { event_id: second, origin_server_ts: tsOf(second) } })
})

it('takes joins and leaves in their older form, and in it no invitation of a room of today', async () => {
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' })
  const eve = peer.user('oldfashioned')
  const { join } = await peer.prepareJoin(roomId, eve)
  const joined = await peer.ask('PUT', `v1/send_join/${e(roomId)}/${e(join.eventId)}`, join.pdu)
  const [status, answer] = (joined.body.answer ?? []) as [number, JsonObject]
  expect([joined.status, status]).toEqual([200, 200])
  expect(pdusOf(answer.state).map(({ type }) => type)).toContain('m.room.create')
  expect(await alice.joinedMembers(roomId)).toContain(eve)
  const { body } = await peer.ask('GET', `v1/make_leave/${e(roomId)}/${e(eve)}`)
  const room = await peer.join(roomId, peer.user('other'))
  const template = body.event as JsonObject
  const leave = room.draft({
    sender: eve,
    type: 'm.room.member',
    stateKey: eve,
    content: { membership: 'leave' },
    prevEvents: template.prev_events as string[],
    authEvents: template.auth_events as string[],
    depth: Number(template.depth),
    originServerTs: Date.now(),
  })
  const left = await peer.ask('PUT', `v1/send_leave/${e(roomId)}/${e(leave.eventId)}`, leave.pdu)
  expect(left).toEqual({ status: 200, body: { answer: [200, {}] } })
  expect(await alice.joinedMembers(roomId)).not.toContain(eve)
  const invite = await peer.ask('PUT', `v1/invite/${e(roomId)}/${e(join.eventId)}`, join.pdu)
  expect([invite.status, invite.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
})
