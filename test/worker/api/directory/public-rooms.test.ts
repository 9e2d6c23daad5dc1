import { describe, expect, it } from 'vitest'
import { call, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, ok, people, putState } from '../../../support/room-api.ts'

interface Entry {
  readonly room_id: string
  readonly num_joined_members: number
}

const search = (who: TestSession, body: Readonly<Record<string, unknown>>) => call('POST', '/publicRooms', { token: who.token, body })
const visibility = (roomId: string, who?: TestSession) => call('GET', `/directory/list/room/${enc(roomId)}`, { token: who?.token })
const setVisibility = (who: TestSession, roomId: string, value: string) =>
  call('PUT', `/directory/list/room/${enc(roomId)}`, { token: who.token, body: { visibility: value } })

async function found(who: TestSession, filter: Readonly<Record<string, unknown>>): Promise<string[]> {
  return ok(await search(who, { filter })).body.chunk.map((entry: Entry) => entry.room_id)
}

let words = 0
const freshWord = (): string => `zebra${++words}x`

describe('the public directory', () => {
  it('shows rooms that were created public, to everybody', async () => {
    const alice = await registerAccount()
    const word = freshWord()
    const roomId = await createRoom(alice, { visibility: 'public', name: `Un nom ${word}`, topic: 'À la française', room_alias_name: word })
    const entries: Entry[] = ok(await call('GET', '/publicRooms?limit=500')).body.chunk
    expect(entries.find((entry) => entry.room_id === roomId)).toEqual({
      room_id: roomId,
      name: `Un nom ${word}`,
      topic: 'À la française',
      canonical_alias: `#${word}:test.example`,
      num_joined_members: 1,
      world_readable: false,
      guest_can_join: false,
      join_rule: 'public',
    })
    expect(ok(await visibility(roomId)).body).toEqual({ visibility: 'public' })
  })

  it('does not show others, not even that they exist, and forgets rooms that are taken out (R7)', async () => {
    const alice = await registerAccount()
    const word = freshWord()
    const hidden = await createRoom(alice, { name: word })
    const shown = await createRoom(alice, { name: word, visibility: 'public' })
    expect(await found(alice, { generic_search_term: word })).toEqual([shown])
    expect(ok(await visibility(hidden, alice)).body).toEqual({ visibility: 'private' })
    const stranger = await registerAccount()
    for (const answer of [await visibility(hidden), await visibility(hidden, stranger)]) {
      expect(answer).toMatchObject({ status: 404, body: (await visibility('!nowhere:test.example')).body })
    }
    ok(await setVisibility(alice, shown, 'private'))
    ok(await setVisibility(alice, hidden, 'public'))
    expect(await found(alice, { generic_search_term: word })).toEqual([hidden])
    expect(await visibility('!nowhere:test.example')).toMatchObject({ status: 404 })
  })

  it('is changed by those who may change how a room is known', async () => {
    const [alice, bob, carol] = await people(3)
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('nobody')
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    expect(await setVisibility(bob, roomId, 'public')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await setVisibility(carol, roomId, 'public')).toMatchObject({ status: 403 })
  })

  it('searches names, topics and aliases whatever their case, and filters by type', async () => {
    const alice = await registerAccount()
    const word = freshWord()
    const named = await createRoom(alice, { visibility: 'public', name: `The ${word.toUpperCase()} room` })
    const space = await createRoom(alice, { visibility: 'public', topic: word, creation_content: { type: 'm.space' } })
    expect(new Set(await found(alice, { generic_search_term: word }))).toEqual(new Set([named, space]))
    expect(await found(alice, { generic_search_term: word, room_types: ['m.space'] })).toEqual([space])
    expect(await found(alice, { generic_search_term: word, room_types: [null] })).toEqual([named])
    expect(new Set(await found(alice, { generic_search_term: word, room_types: [null, 'm.space'] }))).toEqual(new Set([named, space]))
  })

  it('is read page by page, the largest rooms first, and back again', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('nobody')
    const word = freshWord()
    const rooms: string[] = []
    for (let count = 0; count < 5; count += 1) rooms.push(await createRoom(alice, { visibility: 'public', name: word }))
    const [largest = ''] = rooms.slice(3)
    ok(await join(bob, largest))
    ok(await putState(alice, largest, 'm.room.topic', { topic: 'crowded' }))
    const pages: string[][] = []
    let since: string | undefined
    let last: { readonly prev_batch?: string } = {}
    for (let page = 0; page < 3; page += 1) {
      const answer = ok(await search(alice, { limit: 2, since, filter: { generic_search_term: word } })).body
      pages.push(answer.chunk.map((entry: Entry) => entry.room_id))
      since = answer.next_batch
      last = answer
    }
    expect(since).toBeUndefined()
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1])
    expect(new Set(pages.flat())).toEqual(new Set(rooms))
    expect(pages[0]?.[0]).toBe(largest)
    const back = ok(await search(alice, { limit: 2, since: last.prev_batch, filter: { generic_search_term: word } })).body
    expect(back.chunk.map((entry: Entry) => entry.room_id)).toEqual(pages[1])
    expect(await search(alice, { since: 'nonsense' })).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })

  it('follows what rooms say of themselves', async () => {
    const alice = await registerAccount()
    const word = freshWord()
    const roomId = await createRoom(alice, { visibility: 'public', name: 'before' })
    ok(await putState(alice, roomId, 'm.room.name', { name: word }))
    for (let attempt = 0; attempt < 100 && (await found(alice, { generic_search_term: word })).length === 0; attempt += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(await found(alice, { generic_search_term: word })).toEqual([roomId])
  })

  it('of another server is for users only', async () => {
    expect(await call('GET', '/publicRooms?server=elsewhere.example')).toMatchObject({ status: 401 })
  })
})
