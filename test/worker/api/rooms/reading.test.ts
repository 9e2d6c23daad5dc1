import { describe, expect, it } from 'vitest'
import { type Answer, call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, leave, moderate, ok, people, putState, say } from '../../../support/room-api.ts'

type Pair = [TestSession, TestSession]

function get(who: TestSession, roomId: string, path: string): Promise<Answer> {
  return call('GET', `/rooms/${enc(roomId)}/${path}`, { token: who.token })
}

const READS = ['state', 'state/m.room.create', 'members', 'joined_members', 'messages?dir=b'] as const

describe('reading a room', () => {
  it('gives members state, members and messages', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat', name: 'Name' })
    ok(await join(bob, roomId))
    const eventId = ok(await say(bob, roomId, 'hello')).body.event_id
    expect(ok(await get(alice, roomId, 'state')).body.map((event: { type: string }) => event.type)).toContain('m.room.name')
    expect(Object.keys(ok(await get(alice, roomId, 'joined_members')).body.joined).sort()).toEqual([alice.userId, bob.userId].sort())
    expect(ok(await get(alice, roomId, 'members?membership=join')).body.chunk).toHaveLength(2)
    expect(ok(await get(alice, roomId, 'members?not_membership=join')).body.chunk).toHaveLength(0)
    expect(ok(await get(alice, roomId, 'messages?dir=b&limit=1')).body.chunk[0]).toMatchObject({ event_id: eventId, room_id: roomId })
    expect(ok(await get(alice, roomId, `event/${enc(eventId)}`)).body).toMatchObject({ event_id: eventId, content: { body: 'hello' } })
    const context = ok(await get(alice, roomId, `context/${enc(eventId)}?limit=2`)).body
    expect(context.event.event_id).toBe(eventId)
    expect(context.events_before).toHaveLength(1)
  })

  it('pages from a sync token and back from what a page says', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const sent: string[] = []
    for (let n = 0; n < 5; n += 1) sent.push(ok(await say(alice, roomId, `${n}`)).body.event_id)
    const token = ok(await call('GET', '/sync?timeout=0', { token: alice.token })).body.next_batch
    sent.push(ok(await say(alice, roomId, 'later')).body.event_id)
    const ids = (answer: Answer) => ok(answer).body.chunk.map((event: { event_id: string }) => event.event_id)
    const first = await get(alice, roomId, `messages?dir=b&limit=2&from=${enc(token)}`)
    expect(ids(first)).toEqual([sent[4], sent[3]])
    const second = await get(alice, roomId, `messages?dir=b&limit=2&from=${enc(first.body.end)}`)
    expect(ids(second)).toEqual([sent[2], sent[1]])
    expect(ids(await get(alice, roomId, `messages?dir=f&from=${enc(token)}`))).toEqual([sent[5]])
    expect(ids(await get(alice, roomId, `messages?dir=b&from=${enc(token)}&to=${enc(first.body.end)}`))).toEqual([sent[4], sent[3]])
    expect(ok(await get(alice, roomId, `members?at=${enc(token)}`)).body.chunk).toHaveLength(1)
  })

  it('refuses tokens that it never gave, also in the form that they take inside', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const otherRoom = await createRoom(alice)
    ok(await join(bob, roomId))
    const { end } = ok(await get(alice, otherRoom, 'messages?dir=b&limit=1')).body
    const { next_batch: ofBob } = ok(await call('GET', '/sync?timeout=0', { token: bob.token })).body
    for (const from of ['pos:1', 'p1', 'p1~x', 'x', 's1.x', 's'.repeat(2000), end, ofBob]) {
      const answer = await get(alice, roomId, `messages?dir=b&from=${enc(from)}`)
      expect({ from, status: answer.status }).toEqual({ from, status: 400 })
    }
    expect((await get(alice, roomId, 'messages?dir=x')).status).toBe(400)
    expect((await get(alice, roomId, 'messages?dir=b&limit=-1')).status).toBe(400)
    expect((await get(alice, roomId, 'messages?dir=b&filter=%5B%5D')).status).toBe(400)
    expect((await get(alice, roomId, 'messages?dir=b&filter=%7B')).status).toBe(400)
  })

  it('is for nobody outside, unless the world may read', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const eventId = ok(await say(alice, roomId)).body.event_id
    for (const path of READS) expect(await get(bob, roomId, path)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect((await get(bob, roomId, `event/${enc(eventId)}`)).status).toBe(404)
    ok(await putState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' }))
    const open = ok(await say(alice, roomId, 'open')).body.event_id
    for (const path of ['state', 'members', 'messages?dir=b', `event/${enc(open)}`]) ok(await get(bob, roomId, path))
  })

  it('ends for who has left where they left', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat', name: 'before' })
    ok(await join(bob, roomId))
    const before = ok(await say(alice, roomId, 'before')).body.event_id
    ok(await leave(bob, roomId))
    const after = ok(await say(alice, roomId, 'after')).body.event_id
    ok(await putState(alice, roomId, 'm.room.name', { name: 'after' }))
    expect(ok(await get(bob, roomId, 'state/m.room.name')).body).toEqual({ name: 'before' })
    ok(await get(bob, roomId, `event/${enc(before)}`))
    expect((await get(bob, roomId, `event/${enc(after)}`)).status).toBe(404)
    const chunk = ok(await get(bob, roomId, 'messages?dir=b')).body.chunk
    expect(chunk.map((event: { event_id: string }) => event.event_id)).not.toContain(after)
  })

  it('tells the invited no more than the invitation does', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { name: 'Name', topic: 'Topic' })
    ok(await moderate(alice, 'invite', roomId, bob))
    for (const path of READS) expect(await get(bob, roomId, path)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const { rooms } = ok(await call('GET', '/sync?timeout=0', { token: bob.token })).body
    const types = rooms.invite[roomId].invite_state.events.map((event: { type: string }) => event.type)
    expect(types).toEqual(expect.arrayContaining(['m.room.create', 'm.room.name', 'm.room.member']))
  })
})
