import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, knock, leave, memberContent, moderate, ok, people, putState, say } from '../../../support/room-api.ts'

async function sync(who: TestSession, query = '') {
  return ok(await call('GET', `/sync?timeout=0${query}`, { token: who.token })).body
}

async function aliceAndBob(): Promise<readonly [TestSession, TestSession]> {
  const [alice, bob] = await people(2)
  if (alice === undefined || bob === undefined) throw new Error('nobody')
  return [alice, bob]
}

describe('somebody who leaves without ever having been in', () => {
  it.each(['invite', 'joined'])('sees their own departure after an invitation, whatever history they may see (%s)', async (visibility) => {
    const [alice, bob] = await aliceAndBob()
    const roomId = await createRoom(alice, {
      initial_state: [
        { type: 'm.room.history_visibility', content: { history_visibility: visibility === 'invite' ? 'shared' : 'joined' } },
      ],
    })
    ok(await moderate(alice, 'invite', roomId, bob))
    const { next_batch: since, rooms } = await sync(bob)
    expect(Object.keys(rooms.invite)).toEqual([roomId])
    ok(await leave(alice, roomId))
    ok(await leave(bob, roomId))
    const after = await sync(bob, `&since=${since}`)
    expect(after.rooms.invite?.[roomId]).toBeUndefined()
    const { timeline, state } = after.rooms.leave[roomId]
    expect(state.events).toEqual([])
    expect(timeline.events).toHaveLength(1)
    expect(timeline.events[0]).toMatchObject({ type: 'm.room.member', state_key: bob.userId, content: { membership: 'leave' } })
    expect((await sync(bob, `&since=${after.next_batch}`)).rooms?.leave?.[roomId]).toBeUndefined()
  })

  it('sees it after a knock', async () => {
    const [alice, bob] = await aliceAndBob()
    const roomId = await createRoom(alice)
    ok(await putState(alice, roomId, 'm.room.join_rules', { join_rule: 'knock' }))
    ok(await knock(bob, roomId))
    const { next_batch: since } = await sync(bob)
    ok(await leave(bob, roomId))
    const { timeline } = (await sync(bob, `&since=${since}`)).rooms.leave[roomId]
    expect(timeline.events[0]).toMatchObject({ sender: bob.userId, content: { membership: 'leave' } })
    ok(await knock(bob, roomId))
  })
})

describe('a room that was left', () => {
  it('does not tell who has redacted something after that, nor why: it is empty, and no more', async () => {
    const [alice, bob] = await aliceAndBob()
    const [carol] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    for (const who of [bob, carol]) ok(await join(who, roomId))
    const [before, after]: string[] = [ok(await say(alice, roomId, 'one')).body.event_id, ok(await say(alice, roomId, 'two')).body.event_id]
    const redact = async (eventId = ''): Promise<void> => {
      const path = `/rooms/${enc(roomId)}/redact/${enc(eventId)}/${enc(eventId)}`
      ok(await call('PUT', path, { token: alice.token, body: { reason: 'a reason' } }))
    }
    const read = async (who: TestSession, eventId = '') =>
      ok(await call('GET', `/rooms/${enc(roomId)}/event/${enc(eventId)}`, { token: who.token })).body
    await redact(before)
    ok(await leave(bob, roomId))
    await redact(after)
    for (const [who, eventId] of [
      [bob, before],
      [carol, before],
      [carol, after],
    ] as const) {
      const event = await read(who, eventId)
      expect([event.content, event.unsigned.redacted_because.content.reason]).toEqual([{}, 'a reason'])
    }
    const hidden = await read(bob, after)
    expect(hidden.content).toEqual({})
    expect(hidden.unsigned).not.toHaveProperty('redacted_because')
    const { chunk } = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b`, { token: bob.token })).body
    expect(chunk.find(({ event_id: id }: { event_id: string }) => id === after).unsigned).not.toHaveProperty('redacted_because')
  })

  it('does not tell any more who is in it', async () => {
    const [alice, bob] = await aliceAndBob()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    ok(await leave(bob, roomId))
    const answer = await call('GET', `/rooms/${enc(roomId)}/joined_members`, { token: bob.token })
    expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })

  it('is shown as left to a client that did not know, although it was forgotten', async () => {
    const [alice, bob] = await aliceAndBob()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const { next_batch: since } = await sync(bob)
    ok(await leave(bob, roomId))
    ok(await call('POST', `/rooms/${enc(roomId)}/forget`, { token: bob.token, body: {} }))
    expect(await call('GET', `/rooms/${enc(roomId)}/messages`, { token: bob.token })).toMatchObject({ status: 403 })
    const after = await sync(bob, `&since=${since}`)
    expect(after.rooms.leave).toHaveProperty([roomId])
    expect((await sync(bob, `&since=${after.next_batch}`)).rooms?.leave?.[roomId]).toBeUndefined()
    expect((await sync(bob, '&filter={"room":{"include_leave":true}}')).rooms?.leave?.[roomId]).toBeUndefined()
  })
})

describe('joining', () => {
  it('puts what the client says into the event, but not who vouches', async () => {
    const [alice, bob] = await aliceAndBob()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const body = {
      foo: 'bar',
      reason: 'why not',
      membership: 'ban',
      third_party_signed: {},
      join_authorised_via_users_server: alice.userId,
    }
    ok(await call('POST', `/join/${enc(roomId)}`, { token: bob.token, body }))
    expect(await memberContent(alice, roomId, bob.userId)).toEqual({ membership: 'join', foo: 'bar', reason: 'why not' })
    expect(await call('POST', `/join/${enc(roomId)}`, { token: bob.token, body: { reason: 1 } })).toMatchObject({ status: 400 })
  })

  it('in an incremental sync begins a timeline that does not connect to what was before', async () => {
    const [alice, bob] = await aliceAndBob()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const { next_batch: since } = await sync(bob)
    ok(await say(alice, roomId))
    ok(await join(bob, roomId))
    expect((await sync(bob, `&since=${since}`)).rooms.join[roomId].timeline.limited).toBe(true)
    expect((await sync(bob)).rooms.join[roomId].timeline.limited).toBe(false)
  })
})
