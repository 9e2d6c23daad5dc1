import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, leave, nameThemselves, ok, people, putState, say } from '../../../support/room-api.ts'
import { type PollParams, type Synced, sync } from '../../../support/sync-api.ts'

const lazily = (extra: object = {}, timeline: object = {}): PollParams => ({
  filter: JSON.stringify({ room: { state: { lazy_load_members: true, ...extra }, timeline } }),
})

/** Whose member events the state section of a room has. */
function membersOf(answer: Synced, roomId: string): (string | undefined)[] {
  const room = answer.rooms.join[roomId] ?? answer.rooms.leave[roomId]
  const state = room?.state?.events ?? []
  return state
    .filter(({ type }) => type === 'm.room.member')
    .map(({ state_key }) => state_key)
    .sort()
}

/** A named room of four: the first made it, the others joined. */
async function room(): Promise<{ readonly roomId: string; readonly cast: readonly [TestSession, TestSession, TestSession, TestSession] }> {
  const [alice, bob, carol, dave] = await people(4)
  if (alice === undefined || bob === undefined || carol === undefined || dave === undefined) throw new Error('nobody there')
  const roomId = await createRoom(alice, { preset: 'public_chat', name: 'named' })
  for (const who of [bob, carol, dave]) ok(await join(who, roomId))
  return { roomId, cast: [alice, bob, carol, dave] }
}

describe('members that are loaded lazily', () => {
  it('are those who sent what is shown, and oneself; later those who are not known yet', async () => {
    const { roomId, cast } = await room()
    const [alice, bob, carol] = cast
    ok(await say(carol, roomId))
    const first = await sync(bob, undefined, lazily({}, { limit: 1 }))
    expect(membersOf(first, roomId)).toEqual([bob.userId, carol.userId].sort())
    ok(await say(carol, roomId))
    ok(await say(alice, roomId))
    const second = await sync(bob, first.next_batch, lazily({}, { limit: 5 }))
    expect(membersOf(second, roomId)).toEqual([alice.userId])
    ok(await say(alice, roomId))
    expect(membersOf(await sync(bob, second.next_batch, lazily({}, { limit: 5 })), roomId)).toEqual([])
  })

  it('come again and again for clients that ask for redundant ones', async () => {
    const { roomId, cast } = await room()
    const [alice, bob] = cast
    const params = lazily({ include_redundant_members: true })
    let { next_batch: since } = await sync(bob, undefined, params)
    for (let round = 0; round < 2; round += 1) {
      ok(await say(alice, roomId))
      const answer = await sync(bob, since, params)
      expect(membersOf(answer, roomId)).toEqual([alice.userId])
      since = answer.next_batch
    }
  })

  it('come again with an answer that is asked for again, because it may have been lost', async () => {
    const { roomId, cast } = await room()
    const [alice, bob, carol] = cast
    ok(await say(carol, roomId))
    const first = await sync(bob, undefined, lazily({}, { limit: 1 }))
    ok(await say(alice, roomId))
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(membersOf(await sync(bob, first.next_batch, lazily()), roomId)).toEqual([alice.userId])
    }
  })

  it('come with every page of messages that has something of theirs', async () => {
    const { roomId, cast } = await room()
    const [alice, bob] = cast
    ok(await say(alice, roomId))
    const path = `/rooms/${enc(roomId)}/messages?dir=b&limit=1&filter=${enc(JSON.stringify({ lazy_load_members: true }))}`
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const { state } = ok(await call('GET', path, { token: bob.token })).body
      expect(state.map(({ state_key }: { state_key: string }) => state_key)).toEqual([alice.userId])
    }
  })

  it('have those among them who name the room, also those who come later', async () => {
    const [alice, bob, carol] = await people(3)
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('nobody there')
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    for (let filler = 0; filler < 3; filler += 1) ok(await say(bob, roomId))
    const first = await sync(bob, undefined, lazily({}, { limit: 1 }))
    expect(first.rooms.join[roomId]).toMatchObject({ summary: { 'm.heroes': [alice.userId], 'm.joined_member_count': 2 } })
    expect(membersOf(first, roomId)).toEqual([alice.userId, bob.userId].sort())
    ok(await join(carol, roomId))
    ok(await say(bob, roomId))
    const second = await sync(bob, first.next_batch, lazily({}, { limit: 1 }))
    expect(second.rooms.join[roomId]).toMatchObject({ summary: { 'm.heroes': [alice.userId, carol.userId], 'm.joined_member_count': 3 } })
    expect(membersOf(second, roomId)).toContain(carol.userId)
    ok(await say(carol, roomId))
    // Nobody came or went: nothing new to say about who is there.
    expect((await sync(bob, second.next_batch, lazily())).rooms.join[roomId]).not.toHaveProperty('summary')
  })

  it('have those among them who name the room once its name is taken away', async () => {
    const { roomId, cast } = await room()
    const [alice, bob, carol, dave] = cast
    const first = await sync(bob, undefined, lazily({}, { limit: 1 }))
    expect(first.rooms.join[roomId]).toMatchObject({ summary: { 'm.joined_member_count': 4 } })
    expect(JSON.stringify(first)).not.toContain('m.heroes')
    ok(await putState(alice, roomId, 'm.room.name', { name: '' }))
    const second = await sync(bob, first.next_batch, lazily({}, { limit: 1 }))
    expect(second.rooms.join[roomId]).toMatchObject({ summary: { 'm.heroes': [alice.userId, carol.userId, dave.userId] } })
    expect(membersOf(second, roomId)).toEqual([alice.userId, carol.userId].sort())
    ok(await putState(alice, roomId, 'm.room.name', { name: 'again' }))
    expect(JSON.stringify(await sync(bob, second.next_batch))).not.toContain('m.heroes')
  })

  it('are oneself and those who spoke where the full state is asked for again', async () => {
    const { roomId, cast } = await room()
    const [alice, bob] = cast
    const { next_batch } = await sync(bob, undefined, lazily())
    ok(await say(alice, roomId))
    expect(membersOf(await sync(bob, next_batch, { ...lazily(), full_state: true }), roomId)).toEqual([alice.userId, bob.userId].sort())
  })

  it('are told as they were when they spoke, where they changed after that', async () => {
    const { roomId, cast } = await room()
    const [alice, bob] = cast
    const { next_batch: since } = await sync(bob, undefined, lazily({}, { limit: 1 }))
    ok(await say(alice, roomId))
    const own = `/rooms/${enc(roomId)}/state/m.room.member/${enc(alice.userId)}`
    ok(await call('PUT', own, { token: alice.token, body: { membership: 'join', displayname: 'renamed' } }))
    const answer = await sync(bob, since, lazily())
    expect(membersOf(answer, roomId)).toEqual([alice.userId])
    expect(JSON.stringify(answer.rooms.join[roomId]?.state)).not.toContain('renamed')
    expect(JSON.stringify(answer.rooms.join[roomId]?.timeline)).toContain('renamed')
    // What the timeline told is known.
    ok(await say(alice, roomId))
    expect(membersOf(await sync(bob, answer.next_batch, lazily()), roomId)).toEqual([])
  })

  it('R2: are as they were when the reader left', async () => {
    const { roomId, cast } = await room()
    const [alice, bob] = cast
    await nameThemselves(alice, 'before')
    ok(await say(alice, roomId))
    ok(await leave(bob, roomId))
    await nameThemselves(alice, 'after')
    const filter = JSON.stringify({ room: { include_leave: true, state: { lazy_load_members: true }, timeline: { limit: 2 } } })
    const archived = await sync(bob, undefined, { filter })
    expect(membersOf(archived, roomId)).toContain(alice.userId)
    expect(JSON.stringify(archived)).toContain('before')
    expect(JSON.stringify(archived)).not.toContain('after')
    const path = `/rooms/${enc(roomId)}/messages?dir=b&limit=2&filter=${enc(JSON.stringify({ lazy_load_members: true }))}`
    const page = JSON.stringify(ok(await call('GET', path, { token: bob.token })).body)
    expect(page).toContain('before')
    expect(page).not.toContain('after')
  })
})

describe('filters of a sync', () => {
  it('keep types, senders and their exceptions apart, and leave the gap of what they leave out unmarked', async () => {
    const { roomId, cast } = await room()
    const [alice, bob, carol] = cast
    const { next_batch: since } = await sync(bob)
    ok(await say(alice, roomId, 'of alice'))
    ok(await say(carol, roomId, 'of carol'))
    ok(await call('PUT', `/rooms/${enc(roomId)}/send/org.example.other/t`, { token: alice.token, body: { body: 'other' } }))
    const bodies = async (timeline: object) => {
      const answer = await sync(bob, since, { filter: JSON.stringify({ room: { timeline } }) })
      return answer.rooms.join[roomId]?.timeline.events.map(({ content }) => content.body) ?? []
    }
    expect(await bodies({})).toEqual(['of alice', 'of carol', 'other'])
    expect(await bodies({ senders: [carol.userId] })).toEqual(['of carol'])
    expect(await bodies({ not_senders: [carol.userId] })).toEqual(['of alice', 'other'])
    expect(await bodies({ types: ['m.room.*'] })).toEqual(['of alice', 'of carol'])
    expect(await bodies({ not_types: ['m.room.message'] })).toEqual(['other'])
    expect(await bodies({ types: ['m.room.message'], not_types: ['m.*'] })).toEqual([])
    expect(await bodies({ rooms: ['!another:test.example'] })).toEqual([])
    expect(await bodies({ not_rooms: [roomId] })).toEqual([])
  })

  it('do the same to state, ephemeral events and account data of rooms', async () => {
    const { roomId, cast } = await room()
    const [alice, bob] = cast
    ok(await call('PUT', `/user/${enc(bob.userId)}/rooms/${enc(roomId)}/account_data/m.tag`, { token: bob.token, body: { tags: {} } }))
    ok(await say(alice, roomId))
    ok(
      await call('PUT', `/rooms/${enc(roomId)}/typing/${enc(alice.userId)}`, {
        token: alice.token,
        body: { typing: true, timeout: 30_000 },
      }),
    )
    const of = async (room: object) => {
      const answer = await sync(bob, undefined, { filter: JSON.stringify({ room: { timeline: { limit: 1 }, ...room } }) })
      const section = answer.rooms.join[roomId]
      return [...(section?.state?.events ?? []), ...(section?.account_data.events ?? [])].map(({ type }) => type).sort()
    }
    expect(await of({ state: { types: ['m.room.name'] }, account_data: { not_types: ['m.tag'] } })).toEqual(['m.room.name'])
    expect(await of({ state: { not_types: ['m.room.*'] } })).toEqual(['m.tag'])
    const quiet = await sync(bob, undefined, { filter: JSON.stringify({ room: { ephemeral: { not_types: ['m.typing'] } } }) })
    expect(JSON.stringify(quiet.rooms.join[roomId])).not.toContain('m.typing')
    const loud = await sync(bob, undefined)
    expect(JSON.stringify(loud.rooms.join[roomId])).toContain('m.typing')
  })
})

it('a sync takes what it is told of presence, and refuses words that mean nothing', async () => {
  const [alice] = await people(1)
  if (alice === undefined) throw new Error('nobody there')
  for (const presence of ['offline', 'online', 'unavailable']) await sync(alice, undefined, { set_presence: presence })
  expect((await call('GET', '/sync?set_presence=asleep', { token: alice.token })).status).toBe(400)
})
