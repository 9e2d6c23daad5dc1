import { describe, expect, it } from 'vitest'
import { call, logIn, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, knock, leave, moderate, ok, people, putState, say } from '../../../support/room-api.ts'
import { bodiesOf, followUntil, poll, type Synced, sync } from '../../../support/sync-api.ts'

async function pair(): Promise<{ readonly alice: TestSession; readonly bob: TestSession }> {
  const [alice, bob] = await people(2)
  if (alice === undefined || bob === undefined) throw new Error('nobody')
  return { alice, bob }
}

function putData(who: TestSession, type: string, content: object, roomId?: string) {
  const user = `/user/${enc(who.userId)}`
  const path = roomId === undefined ? `${user}/account_data/${type}` : `${user}/rooms/${enc(roomId)}/account_data/${type}`
  return call('PUT', path, { token: who.token, body: content })
}

function forget(who: TestSession, roomId: string) {
  return call('POST', `/rooms/${enc(roomId)}/forget`, { token: who.token, body: {} })
}

function roomIds({ rooms }: Synced): string[] {
  return Object.values(rooms).flatMap((section) => Object.keys(section))
}

const typesOf = (events: readonly { readonly type: string }[]): string[] => events.map(({ type }) => type)

describe('rooms in a sync', () => {
  it('come as a whole at first, then only with what is new, then not at all', async () => {
    const { alice, bob } = await pair()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    ok(await say(alice, roomId, 'one'))
    const first = await sync(bob)
    expect(bodiesOf(first, roomId)).toEqual(['one'])
    ok(await say(alice, roomId, 'two'))
    ok(await say(alice, roomId, 'three'))
    const { bodies, next } = await followUntil(bob, first.next_batch, roomId, 2)
    expect(bodies).toEqual(['two', 'three'])
    expect(roomIds(await sync(bob, next))).toEqual([])
  })

  it('are told again, the same, to a repeated token', async () => {
    const { alice, bob } = await pair()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const { next_batch } = await sync(bob)
    ok(await say(alice, roomId, 'one'))
    const { bodies } = await followUntil(bob, next_batch, roomId, 1)
    expect(bodies).toEqual(['one'])
    expect((await followUntil(bob, next_batch, roomId, 1)).bodies).toEqual(['one'])
  })

  it('move from invite to join to leave, and are new after joining again', async () => {
    const { alice, bob } = await pair()
    const { next_batch } = await sync(bob)
    const roomId = await createRoom(alice, { name: 'a name' })
    ok(await moderate(alice, 'invite', roomId, bob))
    const invited = await sync(bob, next_batch)
    const shown = invited.rooms.invite[roomId]?.invite_state.events ?? []
    expect(typesOf(shown)).toContain('m.room.name')
    expect(shown.find(({ type, state_key }) => type === 'm.room.member' && state_key === bob.userId)?.content.membership).toBe('invite')
    ok(await join(bob, roomId))
    const joined = await sync(bob, invited.next_batch)
    expect(typesOf([...(joined.rooms.join[roomId]?.state?.events ?? []), ...(joined.rooms.join[roomId]?.timeline.events ?? [])])).toContain(
      'm.room.create',
    )
    ok(await say(alice, roomId, 'before'))
    ok(await leave(bob, roomId))
    ok(await say(alice, roomId, 'unseen'))
    const left = await sync(bob, joined.next_batch)
    expect(bodiesOf(left, roomId)).toEqual(['before'])
    expect(left.rooms.leave[roomId]?.timeline.events.at(-1)?.content.membership).toBe('leave')
    expect(roomIds(await sync(bob, left.next_batch))).toEqual([])
    ok(await moderate(alice, 'invite', roomId, bob))
    ok(await join(bob, roomId))
    const again = await sync(bob, left.next_batch)
    expect(typesOf([...(again.rooms.join[roomId]?.state?.events ?? []), ...(again.rooms.join[roomId]?.timeline.events ?? [])])).toContain(
      'm.room.create',
    )
  })

  it('tell of a declined invite, of a kick and of a ban', async () => {
    const { alice, bob } = await pair()
    const [declined, kicked, banned] = [await createRoom(alice), await createRoom(alice), await createRoom(alice)]
    for (const roomId of [declined, kicked, banned]) ok(await moderate(alice, 'invite', roomId, bob))
    for (const roomId of [kicked, banned]) ok(await join(bob, roomId))
    const { next_batch } = await sync(bob)
    ok(await leave(bob, declined))
    ok(await moderate(alice, 'kick', kicked, bob))
    ok(await moderate(alice, 'ban', banned, bob))
    const { rooms } = await sync(bob, next_batch)
    expect(Object.keys(rooms.leave).sort()).toEqual([declined, kicked, banned].sort())
    expect(rooms.leave[banned]?.timeline.events.at(-1)?.content.membership).toBe('ban')
    expect([...Object.keys(rooms.join), ...Object.keys(rooms.invite ?? {})]).toEqual([])
  })

  it('R2: tell of a ban that follows a kick, and of nothing else that happened since', async () => {
    const { alice, bob } = await pair()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    ok(await moderate(alice, 'kick', roomId, bob))
    const { next_batch } = await sync(bob)
    ok(await say(alice, roomId, 'not for bob'))
    ok(await moderate(alice, 'ban', roomId, bob))
    const answer = await sync(bob, next_batch)
    const shown = answer.rooms.leave[roomId]?.timeline.events ?? []
    expect(shown.map(({ state_key, content }) => [state_key, content.membership])).toEqual([[bob.userId, 'ban']])
    expect(JSON.stringify(answer)).not.toContain('not for bob')
    expect(roomIds(await sync(bob, answer.next_batch))).toEqual([])
  })

  it('show a knock until it is withdrawn', async () => {
    const { alice, bob } = await pair()
    const roomId = await createRoom(alice, {
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
    })
    ok(await knock(bob, roomId))
    const knocking = await sync(bob)
    expect(typesOf(knocking.rooms.knock[roomId]?.knock_state.events ?? [])).toContain('m.room.create')
    ok(await leave(bob, roomId))
    expect(Object.keys((await sync(bob, knocking.next_batch)).rooms.leave)).toEqual([roomId])
  })

  it('that were left before are archive: for clients that ask, until they are forgotten', async () => {
    const { alice, bob } = await pair()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    expect((await forget(bob, roomId)).status).toBe(400)
    ok(await say(alice, roomId, 'seen'))
    ok(await leave(bob, roomId))
    ok(await say(alice, roomId, 'unseen'))
    const filter = JSON.stringify({ room: { include_leave: true } })
    expect(roomIds(await sync(bob))).toEqual([])
    expect(bodiesOf(await sync(bob, undefined, { filter }), roomId)).toEqual(['seen'])
    ok(await forget(bob, roomId))
    expect(roomIds(await sync(bob, undefined, { filter }))).toEqual([])
    ok(await join(bob, roomId))
    expect(Object.keys((await sync(bob)).rooms.join)).toEqual([roomId])
  })

  it('come with their whole state where the client asks for it, changed or not', async () => {
    const { alice, bob } = await pair()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const { next_batch } = await sync(bob)
    const full = await sync(bob, next_batch, { full_state: true, timeout: 20_000 })
    expect(typesOf(full.rooms.join[roomId]?.state?.events ?? [])).toContain('m.room.create')
    expect(full.rooms.join[roomId]?.timeline.events).toEqual([])
  })

  it('have state_after instead of state where the client asks for it, under the name that it asks with', async () => {
    const { alice } = await pair()
    const roomId = await createRoom(alice)
    for (const prefix of ['', 'org.matrix.msc4222.'] as const) {
      const room = (await sync(alice, undefined, { [`${prefix}use_state_after`]: true })).rooms.join[roomId]
      expect(room?.state).toBeUndefined()
      expect(typesOf(room?.[`${prefix}state_after`]?.events ?? [])).toContain('m.room.create')
    }
  })
})

describe('filters', () => {
  it('keep rooms out, by ID or stored', async () => {
    const { alice } = await pair()
    const [one, two] = [await createRoom(alice), await createRoom(alice)]
    const only = { room: { rooms: [one] } }
    const stored = ok(await call('POST', `/user/${enc(alice.userId)}/filter`, { token: alice.token, body: only })).body.filter_id
    expect(roomIds(await sync(alice, undefined, { filter: JSON.stringify(only) }))).toEqual([one])
    expect(roomIds(await sync(alice, undefined, { filter: stored }))).toEqual([one])
    expect(roomIds(await sync(alice, undefined, { filter: JSON.stringify({ room: { not_rooms: [one] } }) }))).toEqual([two])
  })

  it('that do not exist or make no sense are refused', async () => {
    const { alice } = await pair()
    for (const [filter, errcode] of [
      ['4711', 'M_INVALID_PARAM'],
      ['nonsense', 'M_INVALID_PARAM'],
      ['{"room":', 'M_BAD_JSON'],
      ['{"room":[]}', 'M_BAD_JSON'],
      [`{"event_fields":["${'x'.repeat(17_000)}"]}`, 'M_BAD_JSON'],
    ] as const) {
      const { status, body } = await poll(alice, undefined, { filter })
      expect([status, body.errcode], filter.slice(0, 30)).toEqual([400, errcode])
    }
  })

  it('let a poll wait on while nothing that they let through has happened', async () => {
    const { alice, bob } = await pair()
    const [quiet, busy] = [await createRoom(alice, { preset: 'public_chat' }), await createRoom(alice, { preset: 'public_chat' })]
    for (const roomId of [quiet, busy]) ok(await join(bob, roomId))
    const byRoom = JSON.stringify({ room: { rooms: [quiet] } })
    const byType = JSON.stringify({ room: { timeline: { types: ['m.room.topic'] }, ephemeral: { types: [] } } })
    const { next_batch } = await sync(bob)
    const [first, second] = [
      sync(bob, next_batch, { filter: byRoom, timeout: 20_000 }),
      sync(bob, next_batch, { filter: byType, timeout: 20_000 }),
    ]
    // Events that nobody is notified of: counts of what is unread would be news in themselves.
    for (const txnId of ['one', 'two', 'three']) {
      ok(await call('PUT', `/rooms/${enc(busy)}/send/org.example.quiet/${txnId}`, { token: alice.token, body: {} }))
    }
    ok(await putState(alice, quiet, 'm.room.topic', { topic: 'at last' }))
    expect(roomIds(await first)).toEqual([quiet])
    expect(typesOf((await second).rooms.join[quiet]?.timeline.events ?? [])).toEqual(['m.room.topic'])
  })
})

describe("the user's own data in a sync", () => {
  it('is the push rules for a new account, and nothing afterwards', async () => {
    const alice = await registerAccount()
    const first = await sync(alice)
    expect(typesOf(first.account_data.events)).toEqual(['m.push_rules'])
    expect(first.rooms).toEqual({ join: {}, leave: {} })
    expect(first).toMatchObject({ to_device: { events: [] }, device_lists: { changed: [], left: [] }, device_one_time_keys_count: {} })
    expect(typesOf((await sync(alice, first.next_batch)).account_data.events)).toEqual([])
  })

  it('comes with every change, global and of rooms, to every device', async () => {
    const { alice } = await pair()
    const other = await logIn(alice.localpart)
    const roomId = await createRoom(alice)
    const tokens = [await sync(alice), await sync(other)]
    ok(await putData(alice, 'org.example', { n: 1 }))
    ok(await putData(alice, 'm.tag', { tags: {} }, roomId))
    for (const [index, who] of [alice, other].entries()) {
      const next = await sync(who, tokens[index]?.next_batch)
      expect(typesOf(next.account_data.events)).toEqual(['org.example'])
      expect(typesOf(next.rooms.join[roomId]?.account_data.events ?? [])).toEqual(['m.tag'])
      expect(next.rooms.join[roomId]?.timeline.events).toEqual([])
      expect(roomIds(await sync(who, next.next_batch))).toEqual([])
    }
  })

  it('comes in portions where there is much, and completely', async () => {
    const { alice } = await pair()
    const types = Array.from({ length: 130 }, (_, index) => `org.example.${index}`)
    for (const type of types) ok(await putData(alice, type, { padding: 'x'.repeat(type.endsWith('0') ? 200_000 : 10) }))
    const seen = new Set<string>()
    let answer = await sync(alice)
    for (let rounds = 0; rounds < 10; rounds += 1) {
      for (const type of typesOf(answer.account_data.events)) seen.add(type)
      answer = await sync(alice, answer.next_batch)
    }
    expect(types.filter((type) => !seen.has(type))).toEqual([])
    expect(answer.account_data.events).toEqual([])
  })

  it('is filtered by type', async () => {
    const { alice } = await pair()
    ok(await putData(alice, 'org.example.wanted', { a: 1 }))
    ok(await putData(alice, 'org.example.other', { a: 1 }))
    const filter = JSON.stringify({ account_data: { types: ['org.example.wanted'] } })
    expect(typesOf((await sync(alice, undefined, { filter })).account_data.events)).toEqual(['org.example.wanted'])
  })

  it('says whom the user ignores: no invites and messages of theirs, but their state', async () => {
    const { alice, bob } = await pair()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const first = await sync(bob)
    ok(await putData(bob, 'm.ignored_user_list', { ignored_users: { [alice.userId]: {} } }))
    const ignoring = await sync(bob, first.next_batch)
    const invitedTo = await createRoom(alice)
    ok(await moderate(alice, 'invite', invitedTo, bob))
    ok(await say(alice, roomId, 'unwanted'))
    ok(await putState(alice, roomId, 'm.room.topic', { topic: 'seen' }))
    const next = await sync(bob, ignoring.next_batch, { timeout: 3000 })
    expect(roomIds(next)).toEqual([roomId])
    expect(typesOf(next.rooms.join[roomId]?.timeline.events ?? [])).toEqual(['m.room.topic'])
    expect(Object.keys((await sync(bob)).rooms.invite ?? {})).toEqual([])
  })
})

describe('sync tokens (R9)', () => {
  it('of other users, other devices, made up or changed are refused as M_UNKNOWN_POS', async () => {
    const { alice, bob } = await pair()
    const other = await logIn(alice.localpart)
    const { next_batch } = await sync(alice)
    const changed = next_batch.replace(/^s1\.(.)/, (_, char: string) => `s1.${char === 'a' ? 'b' : 'a'}`)
    for (const [who, since] of [
      [bob, next_batch],
      [other, next_batch],
      [alice, changed],
      [alice, 'made-up'],
      [alice, 's1.a.0.0.0.0.0..x'],
    ] as const) {
      for (const timeout of [0, 1000]) {
        const { status, body } = await poll(who, since, { timeout })
        expect([status, body.errcode]).toEqual([400, 'M_UNKNOWN_POS'])
      }
    }
  })

  it('stand for a place in the room when paging', async () => {
    const { alice, bob } = await pair()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    ok(await say(alice, roomId, 'one'))
    const first = await sync(bob)
    ok(await say(alice, roomId, 'two'))
    await followUntil(bob, first.next_batch, roomId, 1)
    const page = async (dir: string) => {
      const answer = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=${dir}&from=${enc(first.next_batch)}`, { token: bob.token }))
      return answer.body.chunk.flatMap(({ content }: { content: { body?: string } }) => content.body ?? [])
    }
    expect(await page('b')).toEqual(['one'])
    expect(await page('f')).toEqual(['two'])
  })
})
