import { describe, expect, it } from 'vitest'
import { home, userStub } from '../../../support/crash-worker.ts'
import { MatrixClient } from '../../../support/matrix-client.ts'
import { SlidingObserver } from '../../../support/sliding-observer.ts'

/*
 * Extensions of sliding sync as their proposals have them (MSC4508, 4538, 4543, 4548, 4551), and what is left of rooms that the user is not in.
 */

let names = 0
async function person(): Promise<MatrixClient> {
  names += 1
  return await MatrixClient.register(home, `extended${names}`)
}

async function shared(): Promise<{ alice: MatrixClient; bob: MatrixClient; roomId: string }> {
  const [alice, bob] = [await person(), await person()]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  return { alice, bob, roomId }
}

const readUpTo = (who: MatrixClient, roomId: string, eventId: string): Promise<unknown> =>
  who.call('POST', `/v3/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(eventId)}`, { body: {} })
const tag = (who: MatrixClient, roomId: string, name: string): Promise<unknown> =>
  who.call('PUT', `/v3/user/${encodeURIComponent(who.userId)}/rooms/${encodeURIComponent(roomId)}/account_data/m.tag`, {
    body: { tags: { [name]: {} } },
  })
const tagged = (name: string) => [{ type: 'm.tag', content: { tags: { [name]: {} } } }]

const enabled = { enabled: true }
const config = { timeline_limit: 1, required_state: [['m.room.member', '$ME']] }
const list = { lists: { all: { ...config, ranges: [[0, 9]] } } }
const subscribed = (roomId: string, limit = 1) => ({ room_subscriptions: { [roomId]: { ...config, timeline_limit: limit } } })
const PROPOSED = {
  typing: 'org.matrix.msc4508.typing',
  receipts: 'org.matrix.msc4551.receipts',
  accountData: 'org.matrix.msc4548.account_data',
  toDevice: 'org.matrix.msc4538.to_device',
  e2ee: 'org.matrix.msc4543.e2ee',
}

describe('the merged form', () => {
  it('calls extensions as their proposals do and leaves out the events around typing and receipts', async () => {
    const { alice, bob, roomId } = await shared()
    const eventId = await alice.send(roomId, 'read me')
    await readUpTo(alice, roomId, eventId)
    await tag(bob, roomId, 'x')
    const typist = `/v3/rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(alice.userId)}`
    await alice.call('PUT', typist, { body: { typing: true, timeout: 30_000 } })
    const observer = new SlidingObserver(bob, 'main', 'v4')
    const body = {
      lists: { all: { timeline_limit: 1, required_state: {} } },
      extensions: Object.fromEntries(Object.values(PROPOSED).map((name) => [name, enabled])),
    }
    const { extensions } = await observer.once(body)
    expect(Object.keys(extensions).sort()).toEqual(Object.values(PROPOSED).sort())
    expect(extensions[PROPOSED.typing]).toEqual({ rooms: { [roomId]: { user_ids: [alice.userId] } } })
    expect(extensions[PROPOSED.receipts].rooms[roomId][eventId]['m.read']).toHaveProperty([alice.userId])
    expect(extensions[PROPOSED.accountData].rooms[roomId]).toEqual(tagged('x'))
    // Who starts knows of nobody's devices yet.
    expect(Object.keys(extensions[PROPOSED.e2ee]).sort()).toEqual(['device_one_time_keys_count', 'device_unused_fallback_key_types'])
    await bob.leave(roomId)
    const { extensions: then } = await observer.once(body)
    expect(then[PROPOSED.e2ee].device_lists.left).toEqual([alice.userId])
    const { unstable_features: features } = await bob.call<{ unstable_features: object }>('GET', '/versions')
    for (const msc of [4508, 4538, 4543, 4548, 4551]) expect(features).toHaveProperty([`org.matrix.msc${msc}`], true)
  })

  it.each([
    ['a limit of nothing', { limit: 0 }],
    ['a limit that is no number', { limit: 'all' }],
    ['a position that nobody issued', { since: '1234' }],
  ])('refuses %s of to-device messages without ending the connection', async (_, wrong) => {
    const bob = await person()
    const observer = new SlidingObserver(bob, 'main', 'v4')
    const ask = observer.ask({ extensions: { [PROPOSED.toDevice]: { ...enabled, ...wrong } } })
    await expect(ask).rejects.toMatchObject({ status: 400, errcode: 'M_INVALID_PARAM' })
  })

  it('takes a position of a connection in /keys/changes', async () => {
    const { alice, bob, roomId } = await shared()
    const observer = new SlidingObserver(bob, 'main', 'v4')
    const { pos } = await observer.once({ extensions: { [PROPOSED.e2ee]: enabled } })
    const carol = await person()
    await carol.join(roomId)
    const query = { from: pos, to: pos }
    expect(await bob.call('GET', '/v3/keys/changes', { query })).toEqual({ changed: [carol.userId], left: [] })
    await expect(alice.call('GET', '/v3/keys/changes', { query })).rejects.toMatchObject({ errcode: 'M_UNKNOWN_POS' })
  })
})

describe('extensions that come later', () => {
  it('tell everything then: account data of every kind, and receipts of the user', async () => {
    const { alice, bob, roomId } = await shared()
    const eventId = await alice.send(roomId, 'read me')
    await readUpTo(bob, roomId, eventId)
    await alice.send(roomId, 'something else')
    await tag(bob, roomId, 'x')
    const observer = new SlidingObserver(bob, 'main')
    expect((await observer.once(list)).extensions).toEqual({})
    const body = { ...list, extensions: { account_data: enabled, receipts: enabled } }
    for (const response of [await observer.ask(body), await observer.once(body)]) {
      const { account_data: accountData, receipts } = response.extensions
      expect(accountData.global.map(({ type }: { type: string }) => type)).toContain('m.push_rules')
      expect(accountData.rooms[roomId]).toEqual(tagged('x'))
      expect(receipts.rooms[roomId].content[eventId]['m.read']).toHaveProperty([bob.userId])
    }
    expect((await observer.once(body)).extensions).toEqual({})
  })
})

describe('account data in scope', () => {
  it('waits until a room is in scope, and is told whole when it comes back into it', async () => {
    const { bob, roomId } = await shared()
    await tag(bob, roomId, 'x')
    const observer = new SlidingObserver(bob, 'main')
    const outside = { ...list, extensions: { account_data: { ...enabled, lists: [] } } }
    const inside = { ...outside, ...subscribed(roomId) }
    const toldOf = async (body: Readonly<Record<string, unknown>>) => (await observer.once(body)).extensions.account_data?.rooms[roomId]
    expect(await toldOf(outside)).toBeUndefined()
    expect(await toldOf(inside)).toEqual(tagged('x'))
    await tag(bob, roomId, 'y')
    expect(await toldOf(inside)).toEqual(tagged('y'))
    await tag(bob, roomId, 'z')
    expect(await toldOf(outside)).toBeUndefined()
    expect(await toldOf(inside)).toEqual(tagged('z'))
    expect(await toldOf(inside)).toBeUndefined()
  })
})

describe('receipts in scope', () => {
  it('come with the events that a longer timeline adds', async () => {
    const { alice, bob, roomId } = await shared()
    const eventId = await alice.send(roomId, 'read me')
    await readUpTo(alice, roomId, eventId)
    await alice.send(roomId, 'after it')
    await bob.send(roomId, 'the latest')
    const observer = new SlidingObserver(bob, 'main')
    const body = { ...list, extensions: { receipts: enabled } }
    expect((await observer.once(body)).extensions).toEqual({})
    const { extensions, rooms } = await observer.once({ ...body, ...subscribed(roomId, 5) })
    expect(rooms[roomId]?.expanded_timeline).toBe(true)
    expect(extensions.receipts.rooms[roomId].content[eventId]['m.read']).toHaveProperty([alice.userId])
  })

  it('that changed while a room was out of scope follow when it is back, also where it was sent meanwhile', async () => {
    const { alice, bob, roomId } = await shared()
    const events = [await alice.send(roomId, 'one'), await alice.send(roomId, 'two'), await alice.send(roomId, 'three')]
    await bob.send(roomId, 'the latest')
    const observer = new SlidingObserver(bob, 'main')
    const inScope = { ...list, ...subscribed(roomId), extensions: { receipts: { ...enabled, lists: [] } } }
    const listed = { ...list, extensions: inScope.extensions }
    const nowhere = { extensions: inScope.extensions }
    const toldOf = async (body: Readonly<Record<string, unknown>>): Promise<unknown> => {
      const content: Record<string, unknown> = (await observer.once(body)).extensions.receipts?.rooms[roomId]?.content ?? {}
      return Object.keys(content)
    }
    await readUpTo(alice, roomId, events[0] ?? '')
    await toldOf(inScope)
    // Out of every window.
    await toldOf(nowhere)
    await readUpTo(alice, roomId, events[1] ?? '')
    expect(await toldOf(inScope)).toEqual([events[1]])
    // In a list that the extension is not for, by which the room is sent.
    await toldOf(listed)
    await readUpTo(alice, roomId, events[2] ?? '')
    expect(await toldOf(listed)).toEqual([])
    const latest = await alice.send(roomId, 'more')
    expect(await toldOf(listed)).toEqual([])
    expect(await toldOf(inScope)).toEqual([events[2]])
    expect(latest).not.toBe(events[2])
  })
})

describe('rooms that the user is not in', () => {
  it('says with everything that it tells of such a room that the user is out of it', async () => {
    const { alice, bob, roomId } = await shared()
    for (const text of ['one', 'two', 'three']) await alice.send(roomId, text)
    await alice.moderate('kick', roomId, bob.userId)
    const observer = new SlidingObserver(bob, 'main')
    await observer.once(list)
    // Clients take every room that they hear of for joined unless their own membership says otherwise.
    const { rooms } = await observer.once({ ...list, ...subscribed(roomId, 10) })
    expect(rooms[roomId]?.timeline?.length).toBeGreaterThan(3)
    expect(rooms[roomId]?.required_state?.map(({ content }) => content.membership)).toEqual(['leave'])
  })

  it('tells whoever was thrown out of a ban that follows', async () => {
    const { alice, bob, roomId } = await shared()
    await alice.moderate('kick', roomId, bob.userId)
    const observer = new SlidingObserver(bob, 'main')
    await observer.once(list)
    await alice.send(roomId, 'not for bob')
    await alice.moderate('ban', roomId, bob.userId)
    const { rooms } = await observer.once(list)
    expect(rooms[roomId]?.required_state?.map(({ content }) => content.membership)).toEqual(['ban'])
    expect(JSON.stringify(rooms)).not.toContain('not for bob')
  })

  it('R4: does not show an invitation of somebody whom the user ignores, also where it is asked for by name', async () => {
    const [alice, bob] = [await person(), await person()]
    const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    const observer = new SlidingObserver(bob, 'main')
    const body = { ...list, ...subscribed(roomId) }
    expect(Object.keys((await observer.ask(body)).rooms)).toEqual([roomId])
    const ignored = { ignored_users: { [alice.userId]: {} } }
    await bob.call('PUT', `/v3/user/${encodeURIComponent(bob.userId)}/account_data/m.ignored_user_list`, { body: ignored })
    expect((await observer.ask(body)).rooms).toEqual({})
  })

  it('does not show a room to whoever was banned without ever having been in it', async () => {
    const [alice, bob] = [await person(), await person()]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await alice.moderate('ban', roomId, bob.userId)
    expect((await new SlidingObserver(bob, 'main').once({ ...list, ...subscribed(roomId) })).rooms).toEqual({})
  })

  it.each(['unstable', 'v4'] as const)('tells that an invitation was declined, here and elsewhere (%s)', async (form) => {
    const [alice, bob] = [await person(), await person()]
    const here = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    const elsewhere = `!${names}:elsewhere.test`
    const own = (membership: string) => ({ type: 'm.room.member', state_key: bob.userId, sender: bob.userId, content: { membership } })
    const notice = (membership: 'invite' | 'leave', pos: number) => ({
      ...{ roomId: elsewhere, generation: 'none', membership, pos, head: pos, eventId: `$${membership}`, sender: bob.userId },
      ...{ strippedState: JSON.stringify([own(membership)]), isDirect: false },
    })
    await userStub(bob.userId).membership(notice('invite', 1))
    const observer = new SlidingObserver(bob, 'main', form)
    const all = form === 'v4' ? { lists: { all: { timeline_limit: 1, required_state: {} } } } : list
    const invited = await observer.once(all)
    const [before, after] = form === 'v4' ? ['stripped_state', 'stripped_state'] : ['invite_state', 'required_state']
    for (const roomId of [here, elsewhere]) expect(invited.rooms[roomId]).toHaveProperty(before ?? '')
    await bob.leave(here)
    await userStub(bob.userId).membership(notice('leave', 2))
    const { rooms } = await observer.once(all)
    for (const roomId of [here, elsewhere]) {
      expect(rooms[roomId], roomId).toMatchObject({ [after ?? '']: [{ type: 'm.room.member', content: { membership: 'leave' } }] })
      expect(rooms[roomId], roomId).not.toHaveProperty('invite_state')
    }
  })
})
