import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type FederatedPair, type FederatedServer, joinVia, startPair } from '../../support/federation-pair.ts'
import type { MatrixClient } from '../../support/matrix-client.ts'

let pair: FederatedPair
let here: FederatedServer
let alice: MatrixClient
let bob: MatrixClient

beforeAll(async () => {
  pair = await startPair()
  ;({ here, alice, bob } = pair)
}, 120_000)

afterAll(() => pair?.stop())

/** Sends numbered messages, several at a time, each batch after the one before. */
async function sendMany(client: MatrixClient, roomId: string, name: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await client.send(roomId, `${name} ${n}`)
}

interface Page {
  readonly chunk: readonly { readonly event_id: string; readonly type: string; readonly content: { readonly body?: unknown } }[]
  readonly end?: string
}

/** Reads a room's history backwards to its end: every event once, oldest first. */
async function pagesBack(client: MatrixClient, roomId: string, limit: number): Promise<{ events: Page['chunk'][number][]; pages: number }> {
  const events: Page['chunk'][number][] = []
  let from: string | undefined
  for (let pages = 1; pages < 500; pages += 1) {
    const page = await client.call<Page>('GET', `/v3/rooms/${encodeURIComponent(roomId)}/messages`, {
      query: { dir: 'b', limit: String(limit), ...(from === undefined ? {} : { from }) },
    })
    events.push(...page.chunk)
    if (page.end === undefined) return { events: events.reverse(), pages }
    from = page.end
  }
  throw new Error('the history does not end')
}

const bodiesOf = (events: Page['chunk']): unknown[] =>
  events.filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name} ${n}`)

describe.each(['11', '12'])('history of a room of version %s', (version) => {
  it('of 1,000 events is fetched as somebody who joined late reads back, in order, each event once', { timeout: 180_000 }, async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, name: 'long' })
    await sendMany(alice, roomId, 'before', 1000)
    await joinVia(bob, roomId, here.name)
    await bob.send(roomId, 'now')
    const { events } = await pagesBack(bob, roomId, 100)
    expect(bodiesOf(events)).toEqual([...numbered('before', 1000), 'now'])
    expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(events.length)
    expect(events[0]?.type).toBe('m.room.create')
    // As the server that was there all the time has it.
    await eventually(
      async () => bodiesOf((await pagesBack(alice, roomId, 1000)).events),
      (list) => list.includes('now'),
    )
    const there = (await pagesBack(alice, roomId, 1000)).events.map(({ event_id }) => event_id)
    expect(events.map(({ event_id }) => event_id)).toEqual(there)
  })

  it('is fetched as far as the time that somebody asks for, and can be read around it', { timeout: 120_000 }, async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version })
    await sendMany(alice, roomId, 'by time', 250)
    await joinVia(bob, roomId, here.name)
    const { events } = await pagesBack(alice, roomId, 100)
    const wanted = (await alice.history(roomId)).find(
      ({ event_id }) => event_id === events.find(({ content }) => content.body === 'by time 40')?.event_id,
    )
    const ts = String(wanted?.origin_server_ts)
    for (const dir of ['f', 'b']) {
      const found = await bob.call<{ event_id: string; origin_server_ts: number }>(
        'GET',
        `/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event`,
        { query: { ts, dir } },
      )
      expect(found.origin_server_ts).toBe(wanted?.origin_server_ts)
      const context = await bob.call<{ events_before: unknown[] }>(
        'GET',
        `/v3/rooms/${encodeURIComponent(roomId)}/context/${encodeURIComponent(found.event_id)}`,
      )
      expect(context.events_before.length).toBeGreaterThan(0)
    }
    const earliest = await bob.call<{ event_id: string }>('GET', `/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event`, {
      query: { ts: '1', dir: 'f' },
    })
    expect(earliest.event_id).toBe(events[0]?.event_id)
  })

  it('has no gap after leaving and coming back 100 events later', { timeout: 120_000 }, async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version })
    await sendMany(alice, roomId, 'first', 10)
    await joinVia(bob, roomId, here.name)
    await bob.send(roomId, 'here')
    await eventually(
      async () => bodiesOf((await pagesBack(alice, roomId, 100)).events),
      (list) => list.includes('here'),
    )
    await bob.leave(roomId)
    await eventually(
      () => alice.joinedMembers(roomId),
      (members) => !members.includes(bob.userId),
    )
    await sendMany(alice, roomId, 'away', 100)
    await joinVia(bob, roomId, here.name)
    await alice.send(roomId, 'back')
    const wanted = [...numbered('first', 10), 'here', ...numbered('away', 100), 'back']
    const atBob = await eventually(
      async () => (await pagesBack(bob, roomId, 30)).events,
      (events) => bodiesOf(events).includes('back'),
    )
    expect(bodiesOf(atBob)).toEqual(wanted)
    const atAlice = (await pagesBack(alice, roomId, 30)).events
    expect(atBob.map(({ event_id }) => event_id)).toEqual(atAlice.map(({ event_id }) => event_id))
  })

  it('F14: does not show what was said meanwhile where only those present may read', { timeout: 120_000 }, async () => {
    const initial_state = [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }]
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, initial_state })
    await joinVia(bob, roomId, here.name)
    await bob.send(roomId, 'here')
    await bob.leave(roomId)
    await eventually(
      () => alice.joinedMembers(roomId),
      (members) => !members.includes(bob.userId),
    )
    await sendMany(alice, roomId, 'away', 30)
    await joinVia(bob, roomId, here.name)
    await alice.send(roomId, 'back')
    const seen = await eventually(
      async () => bodiesOf((await pagesBack(bob, roomId, 10)).events),
      (list) => list.includes('back'),
    )
    expect(seen).toEqual(['here', 'back'])
  })
})
