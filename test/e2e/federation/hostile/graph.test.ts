import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import { eventually } from '../../../support/federation-pair.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import type { Line } from '../../../support/hostile-room.ts'
import { flood } from '../../../support/hostile-server.ts'
import { type HostileWorld, heard, outcomeOf, shareRoom, startHostileWorld, texts } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let alice: MatrixClient
let peer: HostilePeer

beforeAll(async () => {
  world = await startHostileWorld()
  alice = await world.here.register('alice')
  peer = await world.peer()
}, 120_000)
afterAll(async () => world?.stop())

const e = encodeURIComponent
const message = (sender: string, body: string) => ({ sender, type: 'm.room.message', content: { msgtype: 'm.text', body } })
/** Everything that is asked about a room's graph. */
const ASKED = /\/v1\/(get_missing_events|state|state_ids|event|event_auth|backfill)\//
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => String(from + n))

describe('E6: events whose predecessors are not here', () => {
  it('bring those along', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, '12')
    const chain = numbers(0, 40).map((n) => room.write(message(eve, n)))
    await peer.send(...chain.slice(-1))
    await eventually(
      () => texts(alice, roomId),
      (list) => list.length === 40,
    )
    expect(await texts(alice, roomId)).toEqual(numbers(0, 40))
  })

  it('are shown also where too many are missing, and the rest can be read back', { timeout: 120_000 }, async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, '12')
    for (const n of numbers(0, 700)) room.write(message(eve, n))
    room.state(eve, 'm.room.member', eve, { membership: 'join', displayname: 'after the gap' })
    const last = room.write(message(eve, 'last'))
    await peer.send(last)
    await eventually(
      () => texts(alice, roomId),
      (list) => list.includes('last'),
      60_000,
    )
    const member = (await alice.state(roomId)).find(({ state_key }) => state_key === eve)
    expect(member?.content.displayname).toBe('after the gap')
    const history = await eventually(
      () => texts(alice, roomId),
      (list) => list.length === 701,
      60_000,
    )
    expect(history).toEqual([...numbers(0, 700), 'last'])
  })

  it.each<[string, (liar: HostilePeer) => void]>([
    ['nobody tells', (liar) => void liar.on('GET', ASKED, notFound).on('POST', ASKED, notFound)],
    ['nobody tells in words', (liar) => void liar.on('GET', ASKED, () => new Response('<html>')).on('POST', ASKED, () => new Response(''))],
    ['the answers never end', (liar) => void liar.on('GET', ASKED, () => flood()).on('POST', ASKED, () => flood())],
    ['the answers are of something else', (liar) => void liar.lie('GET', ASKED, elsewhere).lie('POST', ASKED, elsewhere)],
  ])('where %s, are not shown, hold nothing up, and are not asked for again and again', { timeout: 120_000 }, async (_what, lie) => {
    const liar = await world.peer()
    const { roomId, room, eve } = await shareRoom(alice, liar, '12')
    const start = room.line
    lie(liar)
    room.write(message(eve, 'kept back'))
    const late = room.write(message(eve, 'late'))
    await liar.send(late)
    await asked(liar, 1)
    const beside = room.next(start, message(eve, 'beside'))
    expect(await liar.send(beside.event)).toEqual({ [beside.event.eventId]: {} })
    await alice.send(roomId, 'from here')
    await heard(liar, roomId, 'from here')
    expect(await texts(alice, roomId)).toEqual(['beside', 'from here'])
    for (let n = 0; n < 10; n += 1) await liar.send(room.next(room.line, message(eve, `more ${n}`)).event)
    expect(liar.requests.filter(({ path }) => ASKED.test(path)).length).toBeLessThanOrEqual(60)
    const other = await shareRoom(alice, peer, '12')
    expect(Object.values(await peer.send(other.room.says(other.eve, 'elsewhere')))).toEqual([{}])
  })

  it('that go back for ever are followed for a while only', { timeout: 120_000 }, async () => {
    const liar = await world.peer()
    const { roomId, room, eve } = await shareRoom(alice, liar, '12')
    const next = (prevEvents: readonly string[]) => room.next(room.line, { ...message(eve, 'endless'), prevEvents })
    // Whatever is asked for builds on something that was made up a moment ago.
    let made = 0
    const invented = (): string => {
      made += 1
      return `$${String(made).padStart(43, 'x')}`
    }
    const answer = () => {
      const { event } = next([invented()])
      return Response.json({ origin: liar.serverName, origin_server_ts: 1, events: [event.pdu], pdus: [event.pdu] })
    }
    liar.on('GET', ASKED, answer).on('POST', ASKED, answer)
    await liar.send(next([invented()]).event)
    await asked(liar, 3)
    await alice.send(roomId, 'fence')
    await heard(liar, roomId, 'fence')
    expect(await texts(alice, roomId)).toEqual(['fence'])
    expect(liar.requests.filter(({ path }) => ASKED.test(path)).length).toBeLessThanOrEqual(80)
  })

  it('bring no state with them that was not allowed, and take nobody out of the room', async () => {
    const liar = await world.peer()
    const { roomId, room, eve } = await shareRoom(alice, liar, '11')
    liar.on('POST', ASKED, notFound).on('GET', /\/v1\/event\//, notFound)
    const honest = room.line
    // A line that never was: on it eve has all power, and alice was banned before she could say anything about it.
    const powers = room.next(honest, { sender: eve, type: 'm.room.power_levels', stateKey: '', content: { users: { [eve]: 100 } } })
    const banned = room.next(powers.line, { sender: eve, type: 'm.room.member', stateKey: alice.userId, content: { membership: 'ban' } })
    const named = room.next(banned.line, { sender: eve, type: 'm.room.name', stateKey: '', content: { name: 'mine' } })
    const hidden = room.next(named.line, message(eve, 'hidden'))
    const shown = room.next(hidden.line, message(eve, 'shown'))
    await liar.send(shown.event)
    await asked(liar, 1)
    await alice.send(roomId, 'still here')
    await heard(liar, roomId, 'still here')
    const state = await alice.state(roomId)
    const find = (type: string, stateKey = '') => state.find((event) => event.type === type && event.state_key === stateKey)?.content
    expect(find('m.room.member', alice.userId)?.membership).toBe('join')
    expect(find('m.room.power_levels')?.users).toEqual({ [alice.userId]: 100 })
    expect(find('m.room.name')).toBeUndefined()
    await alice.moderate('ban', roomId, eve)
    expect(await alice.joinedMembers(roomId)).toEqual([alice.userId])
  })

  it('are dropped with none or twenty-one of them, and taken with one named twice', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, '12')
    const [tip] = room.line.tips
    const many = Array.from({ length: 21 }, (_, n) => `$${String(n).padStart(43, 'y')}`)
    await peer.send(room.draft({ ...message(eve, 'none'), prevEvents: [] }), room.draft({ ...message(eve, 'many'), prevEvents: many }))
    const twice = room.draft({ ...message(eve, 'twice'), prevEvents: [tip?.eventId ?? '', tip?.eventId ?? ''] })
    await peer.send(twice)
    await alice.send(roomId, 'after')
    expect((await texts(alice, roomId)).filter((body) => body !== 'twice')).toEqual(['after'])
  })
})

/** Waits until a peer has been asked about a room so many times. */
async function asked(liar: HostilePeer, times: number): Promise<void> {
  await eventually(
    async () => liar.requests.filter(({ path }) => ASKED.test(path)).length,
    (count) => count >= times,
  )
}

function notFound(): Response {
  return Response.json({ errcode: 'M_NOT_FOUND', error: 'x' }, { status: 404 })
}

/** Events, but never those that were asked for. */
function elsewhere(honest: JsonObject): JsonObject {
  return Object.fromEntries(Object.keys(honest).map((key) => [key, isJsonObject(honest[key]) ? {} : []]))
}

describe('S5: a server that makes up endless state', () => {
  const ids = (count: number, letter: string): string[] => Array.from({ length: count }, (_, n) => `$${String(n).padStart(43, letter)}`)

  it.each<[string, (liar: HostilePeer) => JsonObject]>([
    ['of 500,000 events', () => ({ pdu_ids: ids(500_000, 'a'), auth_chain_ids: [] })],
    ['with 500,000 events to rest on', () => ({ pdu_ids: ids(10, 'a'), auth_chain_ids: ids(500_000, 'b') })],
    ['that is not there when it is asked for', () => ({ pdu_ids: ids(200, 'a'), auth_chain_ids: ids(200, 'b') })],
    ['that is none', () => ({ pdu_ids: 'x', auth_chain_ids: [5, {}] })],
  ])('%s: is not believed, and the room goes on', { timeout: 120_000 }, async (_what, claim) => {
    const liar = await world.peer()
    const { roomId, room, eve } = await shareRoom(alice, liar, '12')
    liar.on('POST', ASKED, notFound).on('GET', /\/v1\/state_ids\//, () => Response.json(claim(liar)))
    liar.on('GET', /\/v1\/(event|state)\//, notFound)
    const workerd = await world.here.process.workerdPid()
    room.write(message(eve, 'kept back'))
    await liar.send(room.write(message(eve, 'late')))
    await eventually(
      async () => liar.asked(/\/v1\/state_ids\//),
      (count) => count >= 1,
    )
    await alice.send(roomId, 'goes on')
    await heard(liar, roomId, 'goes on')
    expect(await texts(alice, roomId)).toEqual(['goes on'])
    // 400 events by ID are asked for one by one at most, not hundreds of thousands.
    expect(liar.requests.filter(({ path }) => ASKED.test(path)).length).toBeLessThanOrEqual(500)
    expect(await world.here.process.workerdPid()).toBe(workerd)
  })
})

describe('S3: a server that forks a room a thousand times', () => {
  it('slows nobody else down, and the room’s ends stay few', { timeout: 120_000 }, async () => {
    const liar = await world.peer()
    const { roomId, room, eve } = await shareRoom(alice, liar, '12')
    const start: Line = room.line
    for (let round = 0; round < 20; round += 1) {
      const forks = numbers(0, 50).map((n) => room.next(start, message(eve, `${round} ${n}`)).event)
      await liar.send(...forks)
    }
    await alice.send(roomId, 'on top')
    const onTop = await heard(liar, roomId, 'on top')
    expect((onTop.prev_events as unknown[]).length).toBeLessThanOrEqual(20)
    // Whoever joins now builds on few events too.
    const { join } = await peer.prepareJoin(roomId, peer.user('late'))
    expect(join.prevEvents.length).toBeLessThanOrEqual(20)
    const extremities = (await texts(alice, roomId)).length
    expect(extremities).toBe(1001)
  })

  it('may keep a bounded number of events waiting, which displace nobody else’s', { timeout: 120_000 }, async () => {
    const liar = await world.peer()
    const { roomId, room, eve } = await shareRoom(alice, liar, '12')
    const honest = await peer.join(roomId, peer.user('honest'))
    liar.on('GET', ASKED, notFound).on('POST', ASKED, notFound)
    let made = 0
    for (let round = 0; round < 10; round += 1) {
      const floating = numbers(0, 50).map(() => {
        made += 1
        return room.draft({ ...message(eve, `floating ${made}`), prevEvents: [`$${String(made).padStart(43, 'z')}`] })
      })
      await liar.send(...floating)
    }
    const first = honest.write(message(peer.user('honest'), 'first'))
    const second = honest.write(message(peer.user('honest'), 'second'))
    await peer.send(second)
    await peer.send(first)
    await eventually(
      () => texts(alice, roomId),
      (list) => list.includes('second'),
    )
    expect(await texts(alice, roomId)).toEqual(['first', 'second'])
  })
})

describe.each(['1', '2'])('S4: in a room of version %s, where servers choose the IDs of their events', (version) => {
  let chosen = 0
  const choose = (server: HostilePeer): string => {
    chosen += 1
    return `$circle${chosen}of${version}:${server.serverName}`
  }

  it('events that build on themselves or on one another are not shown, and the room goes on', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const [own, left, right, resting, first, second] = [choose(peer), choose(peer), choose(peer), choose(peer), choose(peer), choose(peer)]
    const { authEvents } = room.draft(message(eve, 'honest'))
    const name = { sender: eve, type: 'm.room.name', stateKey: '', content: { name: 'a circle' } }
    await peer.send(
      room.draft({ ...message(eve, 'itself'), eventId: own, prevEvents: [own] }),
      room.draft({ ...message(eve, 'left'), eventId: left, prevEvents: [right] }),
      room.draft({ ...message(eve, 'right'), eventId: right, prevEvents: [left] }),
      room.draft({ ...message(eve, 'resting on itself'), eventId: resting, authEvents: [...authEvents, resting] }),
      room.draft({ ...name, eventId: first, authEvents: [...authEvents, second] }),
      room.draft({ ...name, eventId: second, authEvents: [...authEvents, first] }),
    )
    await peer.send(room.says(eve, 'after'))
    await alice.send(roomId, 'from here')
    await heard(peer, roomId, 'from here')
    expect(await texts(alice, roomId)).toEqual(['after', 'from here'])
    expect((await alice.state(roomId)).map(({ type }) => type)).not.toContain('m.room.name')
    expect(peer.requests.filter(({ path }) => ASKED.test(path) && decodeURIComponent(path).includes(roomId)).length).toBeLessThanOrEqual(80)
  })

  it('state that rests on itself is no part of what a join brings', async () => {
    const liar = await world.peer()
    const host = liar.user('host')
    const room = liar.found(version, host)
    const [first, second] = [choose(liar), choose(liar)]
    const { authEvents } = room.draft(message(host, 'honest'))
    room.write({ sender: host, type: 'm.room.name', stateKey: '', content: {}, eventId: first, authEvents: [...authEvents, second] })
    room.write({ sender: host, type: 'm.room.topic', stateKey: '', content: {}, eventId: second, authEvents: [...authEvents, first] })
    await alice.call('POST', `/v3/join/${e(room.roomId)}`, { query: { via: liar.serverName }, body: {} })
    const types = (await alice.state(room.roomId)).map(({ type }) => type)
    expect(types).toContain('m.room.power_levels')
    expect(types).not.toContain('m.room.name')
    expect(types).not.toContain('m.room.topic')
  })
})

it.each(['99', ''])('a room of version %j, which nobody knows, is not joined', async (version) => {
  const liar = await world.peer()
  const room = liar.found('10', liar.user('host'))
  liar.lie('GET', /\/make_join\//, (honest) => ({ ...honest, room_version: version }))
  const { status } = await outcomeOf(alice.call('POST', `/v3/join/${e(room.roomId)}`, { query: { via: liar.serverName }, body: {} }))
  expect(status).toBeGreaterThanOrEqual(400)
  expect(liar.asked(/\/send_join\//)).toBe(0)
})

it('E10: an event whose signature nobody can check is not taken', async () => {
  const silent = await world.peer()
  silent.on('GET', /^\/_matrix\/key/, () => new Response('', { status: 500 }))
  const { roomId, room } = await shareRoom(alice, peer, '12')
  const bob = silent.user('bob')
  const join = room.draft({ sender: bob, type: 'm.room.member', stateKey: bob, content: { membership: 'join' }, signer: silent.signer })
  expect(await peer.send(join)).toMatchObject({ [join.eventId]: { error: expect.any(String) } })
  expect(await alice.joinedMembers(roomId)).not.toContain(bob)
})
