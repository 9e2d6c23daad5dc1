import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { bundleOf, edit, idsOf, ignore, relating, type SeenEvent, send, text, threads } from '../../../support/relations.ts'
import { createRoom, enc, join, leave, ok, people, putState, redact } from '../../../support/room-api.ts'

async function roomOfTwo(): Promise<{ alice: TestSession; bob: TestSession; roomId: string }> {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, roomId }
}

const reply = (root: string, body = 'reply') => relating('m.thread', root, text(body))

describe('GET /threads', () => {
  it('lists roots by what is latest in their threads, each with its summary', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const first = await send(alice, roomId, text('first'))
    const second = await send(alice, roomId, text('second'))
    await send(alice, roomId, text('no thread'))
    await send(bob, roomId, reply(first))
    const inSecond = await send(bob, roomId, reply(second))
    expect(idsOf(await threads(alice, roomId))).toEqual([second, first])
    const latest = await send(bob, roomId, reply(first, 'latest'))
    const answer = ok(await threads(alice, roomId)).body
    expect(answer.chunk.map(({ event_id }: SeenEvent) => event_id)).toEqual([first, second])
    expect(answer).not.toHaveProperty('next_batch')
    const [shown, other] = answer.chunk as [SeenEvent, SeenEvent]
    expect(shown.unsigned['m.relations']?.['m.thread']).toMatchObject({
      count: 2,
      current_user_participated: true,
      latest_event: { event_id: latest, room_id: roomId, sender: bob.userId, content: { body: 'latest' } },
    })
    expect(other.unsigned['m.relations']?.['m.thread']?.latest_event.event_id).toBe(inSecond)
  })

  it('lists those in which somebody has said something, or which they began', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const own = await send(bob, roomId, text('own'))
    const joined = await send(alice, roomId, text('joined'))
    const foreign = await send(alice, roomId, text('foreign'))
    for (const root of [own, joined, foreign]) await send(alice, roomId, reply(root))
    const said = await send(bob, roomId, reply(joined))
    await send(alice, roomId, reply(foreign))
    expect(idsOf(await threads(bob, roomId))).toEqual([foreign, joined, own])
    expect(idsOf(await threads(bob, roomId, { include: 'participated' }))).toEqual([joined, own])
    expect((await bundleOf(bob, roomId, foreign))['m.thread']?.current_user_participated).toBe(false)
    ok(await redact(bob, roomId, said))
    expect(idsOf(await threads(bob, roomId, { include: 'participated' }))).toEqual([own])
  })

  it('pages through all of them', async () => {
    const { alice, roomId } = await roomOfTwo()
    const roots: string[] = []
    for (let n = 0; n < 5; n += 1) {
      const root = await send(alice, roomId, text(`${n}`))
      await send(alice, roomId, reply(root))
      roots.unshift(root)
    }
    const read: string[] = []
    let from: string | undefined
    for (let page = 0; page < 5; page += 1) {
      const answer = await threads(alice, roomId, { limit: '2', ...(from === undefined ? {} : { from }) })
      read.push(...idsOf(answer))
      from = answer.body.next_batch
      if (from === undefined) break
    }
    expect(read).toEqual(roots)
    expect(await threads(alice, roomId, { from: 'nonsense' })).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    expect((await threads(alice, roomId, { limit: '0' })).status).toBe(400)
    expect((await threads(alice, roomId, { include: 'some' })).status).toBe(400)
  })

  it('forgets threads of which everything was redacted, and keeps those whose root was', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const gone = await send(alice, roomId, text('gone'))
    const kept = await send(alice, roomId, text('kept'))
    const only = await send(bob, roomId, reply(gone))
    const before = await send(bob, roomId, reply(kept))
    const last = await send(bob, roomId, reply(kept))
    ok(await redact(bob, roomId, only))
    ok(await redact(bob, roomId, last))
    ok(await redact(alice, roomId, kept))
    expect(idsOf(await threads(alice, roomId))).toEqual([kept])
    expect((await bundleOf(alice, roomId, kept))['m.thread']).toMatchObject({ count: 1, latest_event: { event_id: before } })
    expect(await bundleOf(alice, roomId, gone)).toEqual({})
  })

  it('R4: counts nothing of ignored users, orders by what is left, and shows their roots as if redacted', async () => {
    const [alice, bob, carol] = (await people(3)) as [TestSession, TestSession, TestSession]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    for (const who of [bob, carol]) ok(await join(who, roomId))
    const theirs = await send(carol, roomId, text('theirs'))
    const other = await send(alice, roomId, text('other'))
    const alone = await send(alice, roomId, text('alone'))
    const seen = await send(bob, roomId, reply(theirs))
    await send(bob, roomId, reply(other))
    await send(carol, roomId, reply(alone))
    await send(carol, roomId, reply(theirs))
    expect(idsOf(await threads(alice, roomId))).toEqual([theirs, alone, other])
    await ignore(alice, carol.userId)
    const answer = ok(await threads(alice, roomId)).body
    expect(idsOf({ ...(await threads(alice, roomId)) })).toEqual([other, theirs])
    const root: SeenEvent = answer.chunk[1]
    expect(root.content).toEqual({})
    expect(root.unsigned['m.relations']?.['m.thread']).toMatchObject({ count: 1, latest_event: { event_id: seen } })
    const first = ok(await threads(alice, roomId, { limit: '1' })).body
    expect(first.chunk).toHaveLength(1)
    expect(idsOf(await threads(alice, roomId, { limit: '1', from: first.next_batch }))).toEqual([theirs])
    await ignore(alice)
    expect(idsOf(await threads(alice, roomId))).toEqual([theirs, alone, other])
  })

  it('R1, R2: tells those who are out what there was until they left, and strangers nothing', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const before = await send(alice, roomId, reply(root))
    ok(await leave(bob, roomId))
    await send(alice, roomId, reply(root))
    const later = await send(alice, roomId, text('later'))
    await send(alice, roomId, reply(later))
    const answer = ok(await threads(bob, roomId)).body
    expect(answer.chunk).toHaveLength(1)
    expect(answer.chunk[0].unsigned['m.relations']['m.thread']).toMatchObject({ count: 1, latest_event: { event_id: before } })
    const [stranger] = (await people(1)) as [TestSession]
    expect((await threads(stranger, roomId)).status).toBe(403)
    expect((await threads(stranger, '!none:test.example')).status).toBe(403)
  })

  it('R1: who may not read a root does not see its thread, and counts only what they may read', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await putState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' }))
    const hidden = await send(alice, roomId, text('hidden'))
    ok(await join(bob, roomId))
    await send(alice, roomId, reply(hidden))
    const root = await send(alice, roomId, text('root'))
    await send(alice, roomId, reply(root))
    ok(await leave(bob, roomId))
    await send(alice, roomId, reply(root))
    ok(await join(bob, roomId))
    const latest = await send(alice, roomId, reply(root))
    expect(idsOf(await threads(bob, roomId))).toEqual([root])
    expect((await bundleOf(bob, roomId, root))['m.thread']).toMatchObject({ count: 2, latest_event: { event_id: latest } })
    expect((await bundleOf(alice, roomId, root))['m.thread']).toMatchObject({ count: 3 })
  })

  it('shows the latest event with what relates to it', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const said = await send(bob, roomId, reply(root))
    const better = await send(bob, roomId, edit(said, 'better'))
    const { latest_event: latest } = (await bundleOf(alice, roomId, root))['m.thread'] ?? {}
    expect(latest?.unsigned['m.relations']?.['m.replace']?.event_id).toBe(better)
    const page = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=5`, { token: alice.token })).body
    expect(page.chunk.find(({ event_id }: SeenEvent) => event_id === root).unsigned['m.relations']['m.thread'].latest_event.event_id).toBe(
      said,
    )
  })
})
