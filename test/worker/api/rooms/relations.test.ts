import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { edit, idsOf, ignore, relating, relations, send, text, trySend } from '../../../support/relations.ts'
import { createRoom, enc, join, leave, ok, people, putState, redact } from '../../../support/room-api.ts'
import { sync } from '../../../support/sync-api.ts'

async function roomOfTwo(): Promise<{ alice: TestSession; bob: TestSession; roomId: string }> {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, roomId }
}

const reaction = (eventId: string, key = '👍') => relating('m.annotation', eventId, {}, { key })

describe('GET /relations', () => {
  it('answers what relates to an event, newest first, by relation and by type', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const reply = await send(bob, roomId, relating('m.thread', root))
    const other = await send(bob, roomId, relating('m.thread', root), 'm.other')
    const edited = await send(alice, roomId, edit(root, 'better'))
    await send(alice, roomId, text('unrelated'))
    expect(idsOf(await relations(bob, roomId, root))).toEqual([edited, other, reply])
    expect(idsOf(await relations(bob, roomId, root, '/m.thread'))).toEqual([other, reply])
    expect(idsOf(await relations(bob, roomId, root, '/m.thread/m.room.message'))).toEqual([reply])
    expect(idsOf(await relations(bob, roomId, root, '', { dir: 'f' }))).toEqual([reply, other, edited])
    expect(idsOf(await relations(bob, roomId, reply))).toEqual([])
    expect(ok(await relations(bob, roomId, root)).body).not.toHaveProperty('recursion_depth')
  })

  it('follows indirect relations to a depth of three where asked, through what the path names only', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const first = await send(bob, roomId, relating('m.thread', root))
    const second = await send(bob, roomId, relating('m.reference', first))
    const third = await send(alice, roomId, relating('m.reference', second))
    await send(alice, roomId, relating('m.reference', third))
    const answer = await relations(bob, roomId, root, '', { recurse: 'true' })
    expect(idsOf(answer)).toEqual([third, second, first])
    expect(answer.body.recursion_depth).toBe(3)
    expect(idsOf(await relations(bob, roomId, root, '/m.reference', { recurse: 'true' }))).toEqual([])
    expect(idsOf(await relations(bob, roomId, root, '/m.thread', { recurse: 'true' }))).toEqual([first])
    expect(idsOf(await relations(bob, roomId, first, '/m.reference', { recurse: 'true', limit: '1' }))).toHaveLength(1)
  })

  it('pages in both directions, with tokens of its own, of /messages and of /sync', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const ids: string[] = []
    for (let n = 0; n < 5; n += 1) ids.push(await send(bob, roomId, relating('m.thread', root)))
    const { next_batch: since } = await sync(bob)
    for (let n = 5; n < 10; n += 1) ids.push(await send(alice, roomId, relating('m.thread', root)))
    for (const dir of ['b', 'f']) {
      const read: string[] = []
      let from: string | undefined
      let pages = 0
      do {
        const answer = await relations(bob, roomId, root, '', { dir, limit: '3', ...(from === undefined ? {} : { from }) })
        read.push(...idsOf(answer))
        expect(answer.body.prev_batch).toBe(from)
        from = answer.body.next_batch
        pages += 1
      } while (from !== undefined && pages < 10)
      expect(read).toEqual(dir === 'b' ? [...ids].reverse() : ids)
      expect(pages).toBe(4)
    }
    expect(idsOf(await relations(bob, roomId, root, '', { dir: 'f', from: since }))).toEqual(ids.slice(5))
    expect(idsOf(await relations(bob, roomId, root, '', { dir: 'b', to: since }))).toEqual(ids.slice(5).reverse())
    const page = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=2`, { token: bob.token })).body
    expect(idsOf(await relations(bob, roomId, root, '', { from: page.end }))).toEqual(ids.slice(0, 8).reverse())
    expect((await relations(bob, roomId, root, '', { from: 'nonsense' })).status).toBe(400)
  })

  it('loses what is redacted, and keeps what relates to something redacted', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const gone = await send(bob, roomId, reaction(root))
    const kept = await send(bob, roomId, relating('m.thread', root))
    ok(await redact(bob, roomId, gone))
    expect(idsOf(await relations(alice, roomId, root))).toEqual([kept])
    ok(await redact(alice, roomId, root))
    expect(idsOf(await relations(alice, roomId, root))).toEqual([kept])
    // What was taken back may be said again.
    await send(bob, roomId, reaction(root))
  })

  it('ignores what does not have the form of a relation', async () => {
    const { alice, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    for (const relates of [
      { rel_type: 'm.thread' },
      { event_id: root },
      { rel_type: 3, event_id: root },
      'x',
      [],
      null,
      { rel_type: '', event_id: root },
    ]) {
      await send(alice, roomId, { ...text('odd'), 'm.relates_to': relates })
    }
    await send(alice, roomId, { ...text('reply'), 'm.relates_to': { 'm.in_reply_to': { event_id: root } } })
    expect(idsOf(await relations(alice, roomId, root))).toEqual([])
  })

  it('R1, R4: shows nothing that the reader may not see, nor what ignored users said', async () => {
    const [alice, bob, carol] = (await people(3)) as [TestSession, TestSession, TestSession]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    for (const who of [bob, carol]) ok(await join(who, roomId))
    const root = await send(alice, roomId, text('root'))
    const before = await send(carol, roomId, relating('m.thread', root))
    ok(await leave(bob, roomId))
    const after = await send(carol, roomId, relating('m.thread', root))
    expect(idsOf(await relations(bob, roomId, root))).toEqual([before])
    expect((await relations(bob, roomId, after)).status).toBe(404)
    expect((await relations(bob, roomId, '$unknown')).status).toBe(404)
    expect(idsOf(await relations(alice, roomId, root))).toEqual([after, before])
    await ignore(alice, carol.userId)
    expect(idsOf(await relations(alice, roomId, root))).toEqual([])
    const [stranger] = (await people(1)) as [TestSession]
    expect((await relations(stranger, roomId, root)).status).not.toBe(200)
    expect((await relations(stranger, '!none:test.example', root)).status).toBe(403)
  })

  it('R1: where members see only what came after they joined, so it is with what relates to it', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await putState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' }))
    const root = await send(alice, roomId, text('root'))
    const hidden = await send(alice, roomId, relating('m.reference', root))
    ok(await join(bob, roomId))
    const seen = await send(alice, roomId, relating('m.reference', hidden))
    expect((await relations(bob, roomId, root)).status).toBe(404)
    expect((await relations(bob, roomId, hidden)).status).toBe(404)
    expect(idsOf(await relations(bob, roomId, seen))).toEqual([])
  })
})

describe('filters', () => {
  it('pick events by what relates to them, in /messages and in /sync', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const threaded = await send(alice, roomId, text('threaded'))
    const edited = await send(alice, roomId, text('edited'))
    await send(alice, roomId, text('alone'))
    await send(bob, roomId, relating('m.thread', threaded))
    await send(alice, roomId, edit(edited, 'better'))
    const read = async (filter: Readonly<Record<string, unknown>>): Promise<string[]> => {
      const path = `/rooms/${enc(roomId)}/messages?dir=b&limit=50&filter=${enc(JSON.stringify(filter))}`
      const ids = idsOf(await call('GET', path, { token: bob.token }))
      const inSync = JSON.stringify({ room: { timeline: { limit: 50, ...filter } } })
      const { rooms } = await sync(bob, undefined, { filter: inSync })
      expect(rooms.join[roomId]?.timeline.events.map(({ event_id }) => event_id)).toEqual([...ids].reverse())
      return ids
    }
    expect(await read({ related_by_rel_types: ['m.thread'] })).toEqual([threaded])
    expect(await read({ related_by_rel_types: ['m.thread', 'm.replace'] })).toEqual([edited, threaded])
    expect(await read({ related_by_senders: [bob.userId] })).toEqual([threaded])
    expect(await read({ related_by_senders: [alice.userId], related_by_rel_types: ['m.thread'] })).toEqual([])
    expect(await read({ related_by_senders: [] })).toEqual([])
  })

  it('R2: do not tell somebody who left of what relates to old events now', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const event = await send(alice, roomId, text('event'))
    ok(await leave(bob, roomId))
    await send(alice, roomId, relating('m.reference', event))
    const path = `/rooms/${enc(roomId)}/messages?dir=b&limit=50&filter=${enc(JSON.stringify({ related_by_rel_types: ['m.reference'] }))}`
    expect(idsOf(await call('GET', path, { token: bob.token }))).toEqual([])
    expect(idsOf(await call('GET', path, { token: alice.token }))).toEqual([event])
  })
})

describe('sending relations', () => {
  it('refuses the same annotation twice, by type and key and sender', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const first = await send(bob, roomId, reaction(root), 'm.reaction')
    const again = await trySend(bob, roomId, reaction(root), 'm.reaction')
    expect(again).toMatchObject({ status: 400, body: { errcode: 'M_DUPLICATE_ANNOTATION' } })
    await send(bob, roomId, reaction(root, '🎉'), 'm.reaction')
    await send(bob, roomId, reaction(root), 'm.other')
    await send(alice, roomId, reaction(root), 'm.reaction')
    ok(await redact(bob, roomId, first))
    await send(bob, roomId, reaction(root), 'm.reaction')
  })

  it('repeats the answer to a repeated request, instead of calling it a duplicate', async () => {
    const { alice, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const path = `/rooms/${enc(roomId)}/send/m.reaction/same`
    const first = ok(await call('PUT', path, { token: alice.token, body: reaction(root) }))
    expect(ok(await call('PUT', path, { token: alice.token, body: reaction(root) })).body).toEqual(first.body)
  })

  it('refuses a thread on what relates to something itself', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    for (const relType of ['m.thread', 'm.reference', 'm.replace']) {
      const child = await send(bob, roomId, relating(relType, root))
      const answer = await trySend(alice, roomId, relating('m.thread', child))
      expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
    }
    const reply = await send(alice, roomId, { ...text('reply'), 'm.relates_to': { 'm.in_reply_to': { event_id: root } } })
    await send(bob, roomId, relating('m.thread', reply))
  })
})
