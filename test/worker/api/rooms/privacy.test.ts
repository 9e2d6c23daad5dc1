import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { edit, relating, send, text } from '../../../support/relations.ts'
import {
  createRoom,
  enc,
  getState,
  join,
  knock,
  leave,
  moderate,
  nameThemselves,
  ok,
  people,
  putState,
  say,
} from '../../../support/room-api.ts'
import { bodiesOf, sync } from '../../../support/sync-api.ts'

const SECRET = 'after they were gone'

/** Everything that the API tells somebody of a room, as text. */
async function everythingAbout(who: TestSession, roomId: string, eventId: string, since: string): Promise<string> {
  const get = (path: string) => call('GET', `/rooms/${enc(roomId)}/${path}`, { token: who.token })
  const v1 = (path: string) => call('GET', `/_matrix/client/v1/rooms/${enc(roomId)}/${path}`, { token: who.token })
  const include = encodeURIComponent(JSON.stringify({ room: { include_leave: true, timeline: { limit: 100 } } }))
  const answers = await Promise.all([
    get('messages?dir=b&limit=100'),
    get('messages?dir=f&limit=100'),
    get(`context/${enc(eventId)}?limit=100`),
    get(`event/${enc(eventId)}`),
    get('state'),
    get('state/m.room.topic'),
    get('members'),
    get('joined_members'),
    v1(`relations/${enc(eventId)}?limit=100`),
    v1(`relations/${enc(eventId)}?limit=100&recurse=true&dir=f`),
    v1('threads?limit=100'),
    call('GET', `/sync?since=${enc(since)}`, { token: who.token }),
    call('GET', `/sync?full_state=true&since=${enc(since)}`, { token: who.token }),
    call('GET', `/sync?filter=${include}`, { token: who.token }),
  ])
  return answers.map(({ body }) => JSON.stringify(body)).join('\n')
}

describe.each(['leave', 'ban', 'kick'] as const)('R2: somebody who is out of a room by %s', (how) => {
  it('learns nothing of what came after, on any path', async () => {
    const [alice, bob, carol] = await people(3)
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('nobody there')
    const roomId = await createRoom(alice, { preset: 'public_chat', topic: 'before' })
    ok(await join(bob, roomId))
    const known = ok(await say(alice, roomId, 'while they were there')).body.event_id
    const { next_batch: since } = await sync(bob)
    ok(how === 'leave' ? await leave(bob, roomId) : await moderate(alice, how, roomId, bob))
    const hidden = ok(await say(alice, roomId, SECRET)).body.event_id
    // What relates to something that they may see is not for them either.
    await send(alice, roomId, edit(known, SECRET))
    await send(alice, roomId, relating('m.reference', known, text(SECRET)))
    await send(alice, roomId, relating('m.thread', known, text(SECRET)))
    ok(await putState(alice, roomId, 'm.room.topic', { topic: SECRET }))
    await nameThemselves(alice, SECRET)
    ok(await join(carol, roomId))
    ok(await call('POST', `/rooms/${enc(roomId)}/receipt/m.read/${enc(hidden)}`, { token: alice.token, body: {} }))
    ok(
      await call('PUT', `/rooms/${enc(roomId)}/typing/${enc(alice.userId)}`, {
        token: alice.token,
        body: { typing: true, timeout: 30_000 },
      }),
    )
    for (const eventId of [known, hidden]) {
      const told = await everythingAbout(bob, roomId, eventId, since)
      expect(told).not.toContain(SECRET)
      expect(told).not.toContain(carol.userId)
      expect(told).not.toContain(hidden)
      expect(told).not.toContain('m.typing')
    }
    expect(ok(await getState(bob, roomId, 'm.room.topic')).body.topic).toBe('before')
    expect((await say(bob, roomId)).status).toBe(403)
  })
})

describe('R3: somebody who is', () => {
  const ways = {
    invited: (room: string, alice: TestSession, bob: TestSession) => moderate(alice, 'invite', room, bob),
    knocking: (room: string, _alice: TestSession, bob: TestSession) => knock(bob, room),
  }

  it.each(['invited', 'knocking'] as const)('%s sees the stripped state and nothing else', async (how) => {
    const [alice, bob, carol] = await people(3)
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('nobody there')
    const rules = (type: string, content: object) => ({ type, state_key: '', content })
    const roomId = await createRoom(alice, {
      name: 'shown',
      initial_state: [rules('m.room.join_rules', { join_rule: 'knock' }), rules('org.example.hidden', { body: SECRET })],
      invite: [carol.userId],
    })
    ok(await join(carol, roomId))
    const hidden = ok(await say(alice, roomId, SECRET)).body.event_id
    const { next_batch: since } = await sync(bob)
    ok(await ways[how](roomId, alice, bob))
    const later = ok(await say(alice, roomId, SECRET)).body.event_id
    for (const eventId of [hidden, later]) {
      const told = await everythingAbout(bob, roomId, eventId, since)
      expect(told).toContain('shown')
      for (const kept of [SECRET, carol.userId, hidden, later]) expect(told).not.toContain(kept)
    }
    for (const answer of [
      await say(bob, roomId),
      await call('POST', `/rooms/${enc(roomId)}/receipt/m.read/${enc(later)}`, { token: bob.token, body: {} }),
      await call('PUT', `/rooms/${enc(roomId)}/typing/${enc(bob.userId)}`, { token: bob.token, body: { typing: true, timeout: 1_000 } }),
    ]) {
      expect(answer.status).toBe(403)
    }
  })
})

it('R9: tokens of pages that are from the future, and filters of others, are refused', async () => {
  const [alice, bob] = await people(2)
  if (alice === undefined || bob === undefined) throw new Error('nobody there')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  const get = (path: string) => call('GET', `/rooms/${enc(roomId)}/${path}`, { token: bob.token })
  const { start } = ok(await get('messages?dir=b&limit=1')).body
  const future = String(start).replace(/^p[0-9a-z]+/, 'pzzzzzzzz')
  expect(future).not.toBe(start)
  const { rooms } = await sync(bob)
  expect((await get(`messages?dir=b&from=${enc(rooms.join[roomId]?.timeline.prev_batch ?? '')}`)).status).toBe(200)
  for (const path of [`messages?dir=b&from=${enc(future)}`, `messages?dir=f&to=${enc(future)}`, `members?at=${enc(future)}`]) {
    expect(await get(path), path).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  }
  const filters = (who: TestSession) => `/user/${enc(who.userId)}/filter`
  const stored = ok(await call('POST', filters(alice), { token: alice.token, body: { room: { rooms: [roomId] } } })).body.filter_id
  expect((await call('GET', `${filters(alice)}/${stored}`, { token: bob.token })).status).toBe(403)
  expect((await call('GET', `/sync?filter=${stored}`, { token: bob.token })).status).toBe(400)
})

it('R10: a sync over more events than its limit says so, and the gap is read back whole', async () => {
  const [alice, bob] = await people(2)
  if (alice === undefined || bob === undefined) throw new Error('nobody there')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  const { next_batch: since } = await sync(bob)
  const bodies = Array.from({ length: 60 }, (_, n) => `message ${n}`)
  for (const body of bodies) ok(await say(alice, roomId, body))
  const filter = JSON.stringify({ room: { timeline: { limit: 7 } } })
  const answer = await sync(bob, since, { filter })
  const timeline = answer.rooms.join[roomId]?.timeline
  expect(timeline).toMatchObject({ limited: true })
  const read = [...bodiesOf(answer, roomId)].reverse()
  let from = timeline?.prev_batch
  while (from !== undefined && !read.includes('message 0')) {
    const page = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=9&from=${enc(from)}`, { token: bob.token })).body
    read.push(...page.chunk.flatMap(({ content }: { content: { body?: string } }) => content.body ?? []))
    from = page.end
  }
  expect(read.slice(0, bodies.length)).toEqual([...bodies].reverse())
})

it('E18: what is sent at once gets places of its own, and a ban beside a join leaves one of them in force', async () => {
  const [alice, bob, ...others] = await people(6)
  if (alice === undefined || bob === undefined) throw new Error('nobody there')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  for (const other of others) ok(await join(other, roomId))
  const sent = await Promise.all(
    [alice, ...others].flatMap((sender) => Array.from({ length: 8 }, (_, n) => say(sender, roomId, `${sender.userId} ${n}`))),
  )
  const ids = sent.map((answer) => ok(answer).body.event_id)
  const [joined, banned] = await Promise.all([join(bob, roomId), moderate(alice, 'ban', roomId, bob)])
  expect(banned.status).toBe(200)
  expect([200, 403]).toContain(joined.status)
  expect(ok(await getState(alice, roomId, 'm.room.member', bob.userId)).body.membership).toBe('ban')
  const page = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=500`, { token: alice.token })).body
  const read: string[] = page.chunk.map((event: { event_id: string }) => event.event_id)
  expect(new Set(read).size).toBe(read.length)
  expect(read.filter((id) => ids.includes(id)).sort()).toEqual([...ids].sort())
})

describe('P8: sizes', () => {
  it.each([
    ['an event type of 256 bytes', `state/${'é'.repeat(128)}/x`],
    ['a state key of 256 bytes', `state/m.test/${'é'.repeat(128)}`],
    ['an event type of 256 bytes in a message', `send/${'é'.repeat(128)}/txn`],
  ])('%s is refused, and nothing is stored', async (_what, path) => {
    const [alice] = await people(1)
    if (alice === undefined) throw new Error('nobody there')
    const roomId = await createRoom(alice)
    const encoded = path.split('/').map(enc).join('/')
    const answer = await call('PUT', `/rooms/${enc(roomId)}/${encoded}`, { token: alice.token, body: {} })
    expect([400, 413]).toContain(answer.status)
    expect(JSON.stringify(ok(await call('GET', `/rooms/${enc(roomId)}/state`, { token: alice.token })).body)).not.toContain('éé')
  })

  it('an event of more than 65,536 bytes is too large', async () => {
    const [alice] = await people(1)
    if (alice === undefined) throw new Error('nobody there')
    const roomId = await createRoom(alice)
    expect(await say(alice, roomId, 'x'.repeat(65_400))).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    expect((await say(alice, roomId, 'x'.repeat(60_000))).status).toBe(200)
  })
})
