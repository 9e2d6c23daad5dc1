import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, moderate, ok, people, putState } from '../../../support/room-api.ts'

interface Shown {
  readonly room_id: string
  readonly children_state: readonly { readonly state_key: string }[]
}

const SPACE = { creation_content: { type: 'm.space' }, preset: 'public_chat' }
const VIA = { via: ['test.example'] }

function hierarchy(who: TestSession, roomId: string, query = '') {
  return call('GET', `/_matrix/client/v1/rooms/${enc(roomId)}/hierarchy${query}`, { token: who.token })
}

async function shown(who: TestSession, roomId: string, query = ''): Promise<string[]> {
  return ok(await hierarchy(who, roomId, query)).body.rooms.map((room: Shown) => room.room_id)
}

async function addChild(who: TestSession, space: string, child: string, content: Readonly<Record<string, unknown>> = {}): Promise<void> {
  ok(await putState(who, space, 'm.space.child', { ...VIA, ...content }, child))
}

const summary = (roomId: string, token?: string) => call('GET', `/_matrix/client/v1/room_summary/${enc(roomId)}`, { token })
const restrictedTo = (space: string) => ({ join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space, ...VIA }] })

describe('the hierarchy of a space', () => {
  it('shows the rooms below it depth first, each once, in the order of their events', async () => {
    const [alice] = await people(1)
    if (alice === undefined) throw new Error('nobody')
    const [root, below] = [await createRoom(alice, SPACE), await createRoom(alice, SPACE)]
    const [one, two, three] = [await createRoom(alice), await createRoom(alice), await createRoom(alice, { preset: 'public_chat' })]
    await addChild(alice, root, one, { order: 'b', suggested: true })
    await addChild(alice, root, below, { order: 'a' })
    await addChild(alice, root, two)
    await addChild(alice, below, three)
    await addChild(alice, below, root)
    // What is no space has no children.
    await addChild(alice, three, two)
    expect(await shown(alice, root)).toEqual([root, below, three, one, two])
    expect(await shown(alice, root, '?max_depth=1')).toEqual([root, below, one, two])
    expect(await shown(alice, root, '?suggested_only=true')).toEqual([root, one])
    const [first]: Shown[] = ok(await hierarchy(alice, root)).body.rooms
    expect(first?.children_state.map(({ state_key }) => state_key)).toEqual([below, one, two])
  })

  it('is read page by page', async () => {
    const [alice] = await people(1)
    if (alice === undefined) throw new Error('nobody')
    const root = await createRoom(alice, SPACE)
    const children = [await createRoom(alice), await createRoom(alice), await createRoom(alice)]
    for (const child of children) await addChild(alice, root, child)
    const page = ok(await hierarchy(alice, root, '?limit=3')).body
    expect(page.rooms.map((room: Shown) => room.room_id)).toEqual([root, ...children.slice(0, 2)])
    const next = ok(await hierarchy(alice, root, `?limit=3&from=${enc(page.next_batch)}`)).body
    expect(next.rooms.map((room: Shown) => room.room_id)).toEqual(children.slice(2))
    expect(next.next_batch).toBeUndefined()
    expect(await hierarchy(alice, root, `?max_depth=1&from=${enc(page.next_batch)}`)).toMatchObject({ status: 400 })
  })

  it('leaves out rooms that the reader may not know of, which are as good as none, and those that are no children any more (R7)', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const root = await createRoom(alice, SPACE)
    const hidden = await createRoom(alice)
    const invited = await createRoom(alice)
    const restricted = await createRoom(alice, {
      initial_state: [{ type: 'm.room.join_rules', content: restrictedTo(root) }],
    })
    const removed = await createRoom(alice, { preset: 'public_chat' })
    for (const child of [hidden, invited, restricted, removed]) await addChild(alice, root, child)
    ok(await putState(alice, root, 'm.space.child', {}, removed))
    ok(await moderate(alice, 'invite', invited, bob))
    expect(await shown(bob, root)).toEqual([root, invited])
    ok(await join(bob, root))
    expect(await shown(bob, root)).toEqual([root, invited, restricted])
    expect(await hierarchy(bob, hidden)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const nowhere = await hierarchy(bob, '!nowhere:test.example')
    expect(nowhere).toMatchObject({ status: 403, body: (await hierarchy(bob, hidden)).body })
  })
})

describe('the summary of a room', () => {
  it('shows what a room is to whoever may join or read it, by ID or alias', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice, { preset: 'public_chat', name: 'Town', room_alias_name: 'town-hall', room_version: '11' })
    const shownToAll = {
      room_id: roomId,
      name: 'Town',
      canonical_alias: '#town-hall:test.example',
      num_joined_members: 1,
      world_readable: false,
      guest_can_join: false,
      join_rule: 'public',
      room_version: '11',
    }
    expect(ok(await summary(roomId)).body).toEqual(shownToAll)
    expect(ok(await summary('#town-hall:test.example', bob.token)).body).toEqual({ ...shownToAll, membership: 'leave' })
    expect(ok(await summary(roomId, alice.token)).body).toEqual({ ...shownToAll, membership: 'join' })
  })

  it('is 404 for everybody else, as for rooms that do not exist (R7)', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice)
    for (const answer of [await summary(roomId), await summary(roomId, bob.token), await summary('!nowhere:test.example')]) {
      expect(answer).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    }
  })

  it('names the rooms that a restricted room admits from', async () => {
    const [alice] = await people(1)
    if (alice === undefined) throw new Error('nobody')
    const space = await createRoom(alice, SPACE)
    const roomId = await createRoom(alice, { initial_state: [{ type: 'm.room.join_rules', content: restrictedTo(space) }] })
    expect(ok(await summary(roomId, alice.token)).body).toMatchObject({ join_rule: 'restricted', allowed_room_ids: [space] })
    expect(ok(await summary(space, alice.token)).body.allowed_room_ids).toBeUndefined()
  })
})
