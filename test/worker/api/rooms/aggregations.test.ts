import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import {
  type Bundle,
  bundleOf,
  edit,
  ignore,
  relating,
  relations,
  type SeenEvent,
  send,
  text,
  threads,
} from '../../../support/relations.ts'
import { createRoom, enc, join, leave, ok, people, putState, redact } from '../../../support/room-api.ts'

async function roomOfTwo(): Promise<{ alice: TestSession; bob: TestSession; roomId: string }> {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, roomId }
}

/** The bundle of an event in a list of events. */
function bundleIn(events: readonly SeenEvent[], eventId: string): Bundle | undefined {
  const event = events.find(({ event_id }) => event_id === eventId)
  if (event === undefined) throw new Error(`${eventId} is not there`)
  return event.unsigned['m.relations']
}

/** The bundle of an event on every path that shows it. */
async function bundlesOf(who: TestSession, roomId: string, eventId: string, parent: string): Promise<Record<string, Bundle | undefined>> {
  const { token } = who
  const room = `/rooms/${enc(roomId)}`
  const around = ok(await call('GET', `${room}/context/${enc(eventId)}`, { token })).body
  const beside = ok(await call('GET', `${room}/context/${enc(parent)}?limit=50`, { token })).body
  const initial = ok(await call('GET', `/sync?filter=${enc(JSON.stringify({ room: { timeline: { limit: 50 } } }))}`, { token })).body
  const sliding = ok(
    await call('POST', '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync', {
      token,
      body: { room_subscriptions: { [roomId]: { timeline_limit: 50, required_state: [] } } },
    }),
  ).body
  const v4 = ok(
    await call('POST', '/_matrix/client/v4/sync', {
      token,
      body: { room_subscriptions: { [roomId]: { timeline_limit: 50, required_state: {} } } },
    }),
  ).body
  return {
    event: await bundleOf(who, roomId, eventId),
    messages: bundleIn(ok(await call('GET', `${room}/messages?dir=b&limit=50`, { token })).body.chunk, eventId),
    context: around.event.unsigned['m.relations'],
    besides: bundleIn([...beside.events_before, ...beside.events_after], eventId),
    relations: bundleIn(ok(await relations(who, roomId, parent)).body.chunk, eventId),
    sync: bundleIn(initial.rooms.join[roomId].timeline.events, eventId),
    sliding: bundleIn(sliding.rooms[roomId].timeline, eventId),
    v4: bundleIn(v4.rooms[roomId].timeline, eventId),
  }
}

describe('bundled aggregations', () => {
  it('come with events on every path that shows them', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const parent = await send(bob, roomId, text('parent'))
    const event = await send(alice, roomId, relating('m.reference', parent))
    const edited = await send(alice, roomId, edit(event, 'better'))
    const reference = await send(bob, roomId, relating('m.reference', event))
    await send(bob, roomId, relating('m.annotation', event, {}, { key: 'x' }), 'm.reaction')
    for (const [path, bundle] of Object.entries(await bundlesOf(bob, roomId, event, parent))) {
      expect(bundle, path).toMatchObject({
        'm.replace': { event_id: edited, sender: alice.userId, type: 'm.room.message', content: { 'm.new_content': text('better') } },
        'm.reference': { chunk: [{ event_id: reference }] },
      })
      expect(Object.keys(bundle ?? {}).sort(), path).toEqual(['m.reference', 'm.replace'])
    }
  })

  it('carry the room where the event that they come with does', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    const last = await send(bob, roomId, relating('m.thread', root))
    const filter = enc(JSON.stringify({ room: { timeline: { limit: 50 } } }))
    const synced = ok(await call('GET', `/sync?filter=${filter}`, { token: alice.token })).body.rooms.join[roomId].timeline.events
    const { latest_event: latest, ...rest } = bundleIn(synced, root)?.['m.thread'] ?? {}
    expect(rest).toEqual({ count: 1, current_user_participated: true })
    expect(latest).toMatchObject({ event_id: last, unsigned: { membership: 'join' } })
    expect(latest).not.toHaveProperty('room_id')
    expect(ok(await threads(alice, roomId)).body.chunk[0].unsigned['m.relations']['m.thread'].latest_event.room_id).toBe(roomId)
  })

  it('are left out of syncs without a gap, which bring the related events themselves', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const { next_batch: since } = ok(await call('GET', '/sync', { token: bob.token })).body
    const event = await send(alice, roomId, text('event'))
    await send(alice, roomId, edit(event, 'better'))
    const whole = ok(await call('GET', `/sync?since=${enc(since)}`, { token: bob.token })).body.rooms.join[roomId].timeline
    expect(whole.limited).toBe(false)
    expect(bundleIn(whole.events, event)).toBeUndefined()
    for (let n = 0; n < 3; n += 1) await send(alice, roomId, text('more'))
    const filter = enc(JSON.stringify({ room: { timeline: { limit: 5 } } }))
    await send(alice, roomId, text('one more'))
    const gappy = ok(await call('GET', `/sync?since=${enc(since)}&filter=${filter}`, { token: bob.token })).body.rooms.join[roomId].timeline
    expect(gappy.limited).toBe(true)
  })

  it('state events have none', async () => {
    const { alice, roomId } = await roomOfTwo()
    const topic = ok(await putState(alice, roomId, 'm.room.topic', { topic: 'x' })).body.event_id
    await send(alice, roomId, relating('m.reference', topic))
    expect(await bundleOf(alice, roomId, topic)).toEqual({})
  })
})

describe('edits', () => {
  const replacing = async (who: TestSession, roomId: string, eventId: string) =>
    (await bundleOf(who, roomId, eventId))['m.replace']?.event_id

  it('only valid ones count', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const event = await send(alice, roomId, text('event'))
    await send(bob, roomId, edit(event, 'by somebody else'))
    await send(alice, roomId, edit(event, 'of another type'), 'm.other')
    await send(alice, roomId, relating('m.replace', event, text('without new content')))
    await send(alice, roomId, relating('m.replace', event, { ...text('x'), 'm.new_content': 'text' }))
    expect(await bundleOf(bob, roomId, event)).toEqual({})
    const valid = await send(alice, roomId, edit(event, 'valid'))
    expect(await replacing(bob, roomId, event)).toBe(valid)
    await send(alice, roomId, edit(valid, 'edit of an edit'))
    expect(await bundleOf(bob, roomId, valid)).toEqual({})
    expect(await replacing(bob, roomId, event)).toBe(valid)
    const state = ok(await putState(alice, roomId, 'm.room.message', text('state'), 'key')).body.event_id
    await send(alice, roomId, edit(state, 'of state'))
    expect(await bundleOf(bob, roomId, state)).toEqual({})
  })

  it('the latest counts; one that is redacted gives way to the one before; what is redacted has none', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const event = await send(alice, roomId, text('event'))
    const first = await send(alice, roomId, edit(event, 'first'))
    const second = await send(alice, roomId, edit(event, 'second'))
    expect(await replacing(bob, roomId, event)).toBe(second)
    ok(await redact(alice, roomId, second))
    expect(await replacing(bob, roomId, event)).toBe(first)
    await send(bob, roomId, relating('m.reference', event))
    ok(await redact(alice, roomId, event))
    expect(Object.keys(await bundleOf(bob, roomId, event))).toEqual(['m.reference'])
  })

  it('of encrypted events need no new content in the clear', async () => {
    const { alice, roomId } = await roomOfTwo()
    const event = await send(alice, roomId, { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'x' }, 'm.room.encrypted')
    const edited = await send(
      alice,
      roomId,
      relating('m.replace', event, { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'y' }),
      'm.room.encrypted',
    )
    expect(await replacing(alice, roomId, event)).toBe(edited)
  })

  it('R2: whoever left sees the event as it was when they left', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const event = await send(alice, roomId, text('event'))
    const before = await send(alice, roomId, edit(event, 'before'))
    ok(await leave(bob, roomId))
    await send(alice, roomId, edit(event, 'after'))
    expect(await replacing(bob, roomId, event)).toBe(before)
  })
})

it('R4: references and edits by ignored users are left out', async () => {
  const [alice, bob, carol] = (await people(3)) as [TestSession, TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  for (const who of [bob, carol]) ok(await join(who, roomId))
  const event = await send(carol, roomId, text('event'))
  await send(carol, roomId, edit(event, 'better'))
  await send(carol, roomId, relating('m.reference', event))
  const seen = await send(bob, roomId, relating('m.reference', event))
  await ignore(alice, carol.userId)
  expect(await bundleOf(alice, roomId, event)).toEqual({ 'm.reference': { chunk: [{ event_id: seen }] } })
  const page = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=50`, { token: alice.token })).body.chunk
  expect(page.filter(({ sender, type }: SeenEvent) => sender === carol.userId && type === 'm.room.message')).toEqual([])
})
