import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { eventually } from '../../../support/federation-pair.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import type { HostileRoom } from '../../../support/hostile-room.ts'
import { type HostileWorld, heard, type SharedRoom, shareRoom, startHostileWorld, texts } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let alice: MatrixClient
let peer: HostilePeer

beforeAll(async () => {
  world = await startHostileWorld()
  alice = await world.here.register('alice')
  peer = await world.peer()
}, 120_000)
afterAll(async () => world?.stop())

const MISSING = /\/get_missing_events\//
const STATE_IDS = /\/state_ids\//
const BACKFILL = /\/backfill\//
const GRAPH = /\/(?:get_missing_events|state_ids|state|event|event_auth|backfill)\//

/** Events that the peer writes and does not send; a change of the topic now and then. */
function writeUnsent(room: HostileRoom, sender: string, count: number, mark = 'unsent'): string[] {
  const bodies: string[] = []
  for (let n = 0; n < count; n += 1) {
    if (n % 50 === 49)
      room.write({ sender, type: 'm.room.member', stateKey: sender, content: { membership: 'join', displayname: `${mark} ${n}` } })
    bodies.push(`${mark} ${n}`)
    room.says(sender, `${mark} ${n}`)
  }
  return bodies
}

/** Lets requests pass only once the test opens the gate. */
function gate() {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

/** What the peer answers from now on is honest again. */
function honestAgain(server: HostilePeer): void {
  server.lie('GET', GRAPH, (honest) => honest).lie('POST', MISSING, (honest) => honest)
}

async function shows(roomId: string, ...bodies: readonly string[]): Promise<unknown[]> {
  return await eventually(
    () => texts(alice, roomId),
    (list) => bodies.every((body) => list.includes(body)),
    45_000,
  )
}

describe.each(['10', '12'])('events that refer to what is not here, in a room of version %s', (version) => {
  it('are completed over a gap of 500 events: the newest at once, the rest as somebody reads back', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    await alice.send(roomId, 'start')
    await heard(peer, roomId, 'start')
    const unsent = writeUnsent(room, eve, 500)
    const newest = room.says(eve, 'newest')
    await peer.send(newest)
    const list = await shows(roomId, 'newest', 'start')
    expect(list).toEqual(['start', ...unsent, 'newest'])
    // The room goes on from there.
    await alice.send(roomId, 'and on')
    const pdu = await heard(peer, roomId, 'and on')
    expect(pdu.prev_events).toContain(newest.eventId)
  })

  it('bring state that changed in the gap along, without those that are gone coming back', async () => {
    const shared = await shareRoom(alice, peer, version, { power_level_content_override: { users_default: 50, state_default: 50 } })
    const { roomId, room, eve } = shared
    writeUnsent(room, eve, 30)
    room.state(eve, 'm.room.topic', '', { topic: 'changed in the gap' })
    writeUnsent(room, eve, 300, 'more')
    await peer.send(room.says(eve, 'newest'))
    await shows(roomId, 'newest')
    const topic = await alice.call('GET', `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.topic`)
    expect(topic).toEqual({ topic: 'changed in the gap' })
  })

  it('make a limited timeline, from whose beginning a client reads on without a hole', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    await alice.send(roomId, 'start')
    await heard(peer, roomId, 'start')
    const filter = JSON.stringify({ room: { timeline: { limit: 500 } } })
    let since = (await alice.sync({ filter })).next_batch
    const unsent = writeUnsent(room, eve, 400)
    await peer.send(room.says(eve, 'newest'))
    const synced: string[] = []
    let prevBatch: string | undefined
    while (!synced.includes('newest')) {
      const answer = await alice.sync({ since, filter, timeout: '5000' })
      since = answer.next_batch
      const timeline = answer.rooms?.join?.[roomId]?.timeline
      if (timeline === undefined) continue
      // A client forgets what it had below a limited timeline, and reads on from its beginning.
      if (timeline.limited) synced.length = 0
      if (timeline.limited || prevBatch === undefined) prevBatch = timeline.prev_batch
      synced.push(...(timeline.events ?? []).flatMap(({ type, content }) => (type === 'm.room.message' ? [String(content.body)] : [])))
    }
    const below: string[] = []
    for (let from = prevBatch; from !== undefined && !below.includes('start'); ) {
      const page = await alice.messages(roomId, { from, limit: '50' })
      below.push(...page.chunk.flatMap(({ type, content }) => (type === 'm.room.message' ? [String(content.body)] : [])))
      from = page.end
    }
    expect([...below.reverse(), ...synced]).toEqual(['start', ...unsent, 'newest'])
  })

  it('F16: hold up neither the transaction that brings them nor another room while their server is slow', async () => {
    const slow = await shareRoom(alice, peer, version)
    const quick = await shareRoom(alice, peer, version)
    const { opened, open } = gate()
    peer.lie('POST', MISSING, async (honest) => {
      await opened
      return honest
    })
    try {
      slow.room.says(slow.eve, 'unsent')
      // Answered although the request for what is missing has no answer yet.
      await peer.send(slow.room.says(slow.eve, 'waits'), quick.room.says(quick.eve, 'does not wait'))
      expect(await texts(alice, quick.roomId)).toEqual(['does not wait'])
      expect(await texts(alice, slow.roomId)).toEqual([])
    } finally {
      open()
    }
    expect(await shows(slow.roomId, 'waits')).toEqual(['unsent', 'waits'])
    honestAgain(peer)
  })

  it('wait while nobody has what they lack, and are taken once somebody does', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    peer.on('GET', GRAPH, () => Response.json({ errcode: 'M_NOT_FOUND' }, { status: 404 }))
    peer.on('POST', MISSING, () => Response.json({ errcode: 'M_UNKNOWN' }, { status: 500 }))
    room.says(eve, 'unsent')
    await peer.send(room.says(eve, 'waits'))
    expect(await texts(alice, roomId)).toEqual([])
    honestAgain(peer)
    expect(await shows(roomId, 'waits')).toEqual(['unsent', 'waits'])
  })

  it('survive a kill of the server in the middle of fetching', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const { opened, open } = gate()
    const reached = gate()
    peer.lie('POST', MISSING, async (honest) => {
      reached.open()
      await opened
      return honest
    })
    const unsent = writeUnsent(room, eve, 40)
    await peer.send(room.says(eve, 'newest'))
    await reached.opened
    await world.here.process.kill9()
    open()
    honestAgain(peer)
    await world.here.process.restart()
    expect(await shows(roomId, 'newest')).toEqual([...unsent, 'newest'])
  })

  it('are kept while the room is still being joined', async () => {
    const host = peer.user(`host${version}`)
    const room = peer.found(version, host)
    peer.lie('PUT', /\/v2\/send_join\//, async (honest) => {
      // The others have heard of the join and go on, before this server knows that it was let in.
      await peer.send(room.says(host, 'welcome'))
      return honest
    })
    await alice.call('POST', `/v3/join/${encodeURIComponent(room.roomId)}`, { query: { via: peer.serverName }, body: {} })
    peer.lie('PUT', /\/v2\/send_join\//, (honest) => honest)
    const list = await eventually(
      async () => {
        const { rooms } = await alice.sync()
        const events = rooms?.join?.[room.roomId]?.timeline?.events ?? []
        return events.map(({ content }) => content.body)
      },
      (bodies) => bodies.includes('welcome'),
    )
    expect(list.filter((body) => body === 'welcome')).toHaveLength(1)
  })

  it('E5: with auth events that nobody has sent get those first', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const other = peer.user(`other${version}`)
    // Known to the peer only: the join of the sender.
    room.state(other, 'm.room.member', other, { membership: 'join' })
    await peer.send(room.says(other, 'who am I'))
    expect(await shows(roomId, 'who am I')).toEqual(['who am I'])
    expect(await alice.joinedMembers(roomId)).toEqual([alice.userId, eve, other].sort())
  })
})

describe.each(['11'])('a server that lies about what is missing, in a room of version %s', (version) => {
  async function withGap(shared: SharedRoom, count: number): Promise<string[]> {
    const unsent = writeUnsent(shared.room, shared.eve, count)
    await peer.send(shared.room.says(shared.eve, 'newest'))
    return unsent
  }

  it('E9: gets nothing in by it: junk between, states of other rooms, forged history', async () => {
    const shared = await shareRoom(alice, peer, version)
    const elsewhere = await shareRoom(alice, peer, version)
    const junk = Array.from(
      { length: 20 },
      (_, n): RoomEvent => shared.room.draft({ sender: shared.eve, type: 'm.room.message', content: { body: `junk ${n}` } }),
    )
    peer.on('POST', MISSING, () => Response.json({ events: junk.map(({ pdu }) => pdu) }))
    const foreign = [...elsewhere.room.line.state.values()].map(({ eventId }) => eventId)
    peer.on('GET', STATE_IDS, () => Response.json({ pdu_ids: foreign, auth_chain_ids: foreign }))
    await withGap(shared, 30)
    await elsewhere.peer.send(elsewhere.room.says(elsewhere.eve, 'goes on'))
    expect(await texts(alice, elsewhere.roomId)).toEqual(['goes on'])
    expect(await texts(alice, shared.roomId)).toEqual([])
    // The state is told honestly now, the history is forged.
    peer.lie('GET', STATE_IDS, (honest) => honest)
    peer.lie('GET', BACKFILL, (honest) => ({
      ...honest,
      pdus: (honest.pdus as { content: object }[]).map((pdu) => ({ ...pdu, type: 'm.room.topic', content: { body: 'forged' } })),
    }))
    expect(await shows(shared.roomId, 'newest')).toEqual(['newest'])
    honestAgain(peer)
  })

  it('does not keep history from whoever asks another server that has it', async () => {
    const shared = await shareRoom(alice, peer, version)
    const second = await world.peer()
    const friend = second.user('friend')
    const theirs = await second.join(shared.roomId, friend)
    const joined = theirs.events.get([...theirs.line.tips][0]?.eventId ?? '')
    if (joined === undefined) throw new Error('no join')
    shared.room.take(joined.pdu)
    peer.on('POST', MISSING, () => Response.json({ events: [] }))
    const unsent = await withGap(shared, 30)
    for (const event of shared.room.events.values()) theirs.keep(event.pdu)
    peer.on('GET', BACKFILL, () => Response.json({ errcode: 'M_FORBIDDEN' }, { status: 403 }))
    expect(await shows(shared.roomId, 'newest', unsent[0] ?? '')).toEqual([...unsent, 'newest'])
    honestAgain(peer)
  })
})
