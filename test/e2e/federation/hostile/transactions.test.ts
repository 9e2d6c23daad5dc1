import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { eventually } from '../../../support/federation-pair.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { type HostileWorld, heard, shareRoom, startHostileWorld, texts } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let alice: MatrixClient
let peer: HostilePeer
let other: HostilePeer

beforeAll(async () => {
  world = await startHostileWorld()
  alice = await world.here.register('alice')
  peer = await world.peer()
  other = await world.peer()
}, 120_000)
afterAll(async () => world?.stop())

const SEND = /\/v1\/send\//

describe('transactions of a server that lies', () => {
  it('F2, F4: are refused unless they are signed by it, for this server, as they are', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, '12')
    const event = room.write({ sender: eve, type: 'm.room.message', content: { body: 'lies' } })
    const body = { origin: peer.serverName, origin_server_ts: 1, pdus: [event.pdu] }
    const ask = (lies: Parameters<HostilePeer['ask']>[3]) => peer.ask('PUT', `v1/send/${peer.nextTxnId()}`, body, lies)
    const answers = [
      await ask({ destination: other.serverName }),
      await ask({ signer: { ...other.signer, serverName: peer.serverName } }),
      await ask({ signedUri: '/_matrix/federation/v1/send/another' }),
      await ask({ signedBody: { ...body, pdus: [] } }),
      await ask({ signer: { ...peer.signer, serverName: world.here.name } }),
    ]
    for (const answer of answers) expect([answer.status, answer.body.errcode]).toEqual([401, 'M_UNAUTHORIZED'])
    expect(await texts(alice, roomId)).toEqual([])
  })

  it('F4: are processed once, and answered as before', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, '12')
    const first = room.write({ sender: eve, type: 'm.room.message', content: { body: 'first' } })
    const second = room.write({ sender: eve, type: 'm.room.message', content: { body: 'second' } })
    const answer = await peer.transaction([first.pdu], [], 'replayed')
    expect(await peer.transaction([first.pdu], [], 'replayed')).toEqual(answer)
    // Another body under the same ID is the same transaction.
    expect(await peer.transaction([second.pdu], [], 'replayed')).toEqual(answer)
    await world.here.process.kill9()
    await world.here.process.restart()
    expect(await peer.transaction([second.pdu], [], 'replayed')).toEqual(answer)
    expect(await texts(alice, roomId)).toEqual(['first'])
    // Another server's transactions have nothing to do with it.
    expect((await other.transaction([], [], 'replayed')).body).toEqual({ pdus: {} })
  })

  it('F16: of 51 PDUs or 101 EDUs are refused, and one bad PDU harms no other', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, '12')
    const edu = { edu_type: 'm.typing', content: {} }
    const good = room.write({ sender: eve, type: 'm.room.message', content: { body: 'good' } })
    expect((await peer.transaction(Array.from({ length: 51 }, () => good.pdu))).status).toBe(400)
    expect(
      (
        await peer.transaction(
          [good.pdu],
          Array.from({ length: 101 }, () => edu),
        )
      ).status,
    ).toBe(400)
    expect(await texts(alice, roomId)).toEqual([])
    const junk = [
      5,
      null,
      'x',
      [],
      {},
      { room_id: roomId },
      { room_id: 5 },
      { room_id: '!unknown:example.org' },
      { ...good.pdu, room_id: '!a:b' },
    ]
    const edus = [5, null, [], {}, { edu_type: 5 }, { edu_type: 'm.typing' }, { edu_type: 'm.unheard.of', content: {} }]
    const { status, body } = await peer.transaction([...junk, good.pdu] as JsonObject[], edus as JsonObject[])
    expect([status, body.pdus]).toEqual([200, expect.objectContaining({ [good.eventId]: {} })])
    expect(await texts(alice, roomId)).toEqual(['good'])
  })

  it('F15: bring a denied server an error for each event', async () => {
    const denied = await world.peer()
    const { roomId, room, eve } = await shareRoom(alice, denied, '12')
    await alice.sendState(roomId, 'm.room.server_acl', '', { allow: ['*'], deny: [denied.serverName.split(':')[0] ?? ''] })
    const events = ['one', 'two'].map((body) => room.draft({ sender: eve, type: 'm.room.message', content: { body } }))
    const error = expect.any(String)
    expect(await denied.send(...events)).toEqual(Object.fromEntries(events.map(({ eventId }) => [eventId, { error }])))
  })
})

describe('F18: a server that does not take what it is sent', () => {
  it('is sent the very same transaction again, one at a time, and everything in order once it is well', { timeout: 120_000 }, async () => {
    const ill = await world.peer()
    const { roomId } = await shareRoom(alice, ill, '12')
    await alice.send(roomId, 'before')
    await heard(ill, roomId, 'before')
    const failed: { uri: string; text: string }[] = []
    ill.on('PUT', SEND, ({ uri, text }) => {
      failed.push({ uri, text })
      return failed.length % 2 === 0 ? new Response('<html>', { status: 502 }) : Response.json({ errcode: 'M_UNKNOWN' }, { status: 500 })
    })
    for (let n = 0; n < 20; n += 1) await alice.send(roomId, `${n}`)
    await eventually(
      async () => failed.length,
      (count) => count >= 2,
      60_000,
    )
    expect(new Set(failed.map(({ uri }) => uri)).size).toBe(1)
    expect(new Set(failed.map(({ text }) => text)).size).toBe(1)
    let underWay = 0
    let most = 0
    ill.on('PUT', SEND, async (request) => {
      underWay += 1
      most = Math.max(most, underWay)
      // Another request of the server under test, should there be one, has had its chance by the end of this one.
      await ill.ask('GET', `v1/backfill/${encodeURIComponent(roomId)}?v=%24x&limit=1`)
      underWay -= 1
      return ill.honest(request)
    })
    await eventually(
      async () => ill.receivedOf(roomId).length,
      (count) => count === 21,
      90_000,
    )
    const bodies = ill.receivedOf(roomId).map(({ content }) => (content as { body?: unknown }).body)
    expect(bodies).toEqual(['before', ...Array.from({ length: 20 }, (_, n) => `${n}`)])
    expect(most).toBe(1)
  })

  it('is not waited for by anybody else, and nothing that it answers stops its queue', { timeout: 120_000 }, async () => {
    const slow = await world.peer()
    const { roomId } = await shareRoom(alice, slow, '12')
    const well = await other.join(roomId, other.user('well'))
    slow.on('PUT', SEND, () => new Promise<Response>(() => undefined))
    await alice.send(roomId, 'past the slow one')
    await heard(other, roomId, 'past the slow one')
    expect(well.roomId).toBe(roomId)
    const odd = await world.peer()
    await odd.join(roomId, odd.user('odd'))
    const answers = ['{}', '[]', '{"pdus":5}', '{"pdus":{"$x":{"error":5}}}', '{"pdus":{"$x":"y"}}']
    const answered: string[] = []
    odd.on('PUT', SEND, (request) => {
      odd.takeTransaction(request)
      const answer = answers[answered.length % answers.length] ?? '{}'
      answered.push(answer)
      return new Response(answer)
    })
    for (const [n] of answers.entries()) {
      await alice.send(roomId, `odd ${n}`)
      await heard(odd, roomId, `odd ${n}`)
    }
  })
})
