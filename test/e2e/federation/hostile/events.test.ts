import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64 } from '../../../../src/matrix/base64.ts'
import { canonicalJson } from '../../../../src/matrix/canonical-json.ts'
import { sealPdu } from '../../../../src/matrix/events/create-event.ts'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { addSignature } from '../../../../src/matrix/signing.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { type HostileRoom, stateKeyOf } from '../../../support/hostile-room.ts'
import { type HostileWorld, heard, seen, shareRoom, startHostileWorld, texts } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let alice: MatrixClient
let peer: HostilePeer
let third: HostilePeer

beforeAll(async () => {
  world = await startHostileWorld()
  alice = await world.here.register('alice')
  peer = await world.peer()
  third = await world.peer()
}, 120_000)
afterAll(async () => world?.stop())

const message = (sender: string, body: string) => ({ sender, type: 'm.room.message', content: { msgtype: 'm.text', body } })
/** An event changed after it was made, its hash and signature made anew. */
function resealed(room: HostileRoom, event: RoomEvent, change: JsonObject): RoomEvent {
  const { hashes: _hashes, signatures: _signatures, ...bare } = event.pdu
  const { pdu } = sealPdu({ ...bare, ...change }, room.rules, peer.signer)
  return { ...event, pdu }
}

describe.each(['10', '11', '12'])('events of a server that lies, in a room of version %s', (version) => {
  it('E1: have the ID that their content gives them, whatever they say', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const added = room.draft(message(eve, 'added by whoever relays it'))
    const [answer] = Object.entries(await peer.send({ ...added.pdu, event_id: '$evil:example.org' }))
    expect(answer).toEqual([expect.not.stringContaining('evil'), { error: expect.any(String) }])
    const { pdu } = resealed(room, room.draft(message(eve, 'by hash')), { event_id: '$evil:example.org' })
    const [eventId = ''] = Object.keys(await peer.send(pdu))
    expect(eventId).toMatch(/^\$[\w-]{43}$/)
    expect((await seen(alice, roomId)).at(-1)).toMatchObject({ event_id: eventId, content: { body: 'by hash' } })
    await expect(
      alice.call('GET', `/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent('$evil:example.org')}`),
    ).rejects.toThrow(/404/)
  })

  it('E2: are dropped without a valid signature of their sender’s server', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const forged = room.draft(message(alice.userId, 'forged'))
    const byThird = room.draft({ ...message(eve, 'by a third'), signer: third.signer })
    const unsigned = room.draft(message(eve, 'unsigned'))
    const bad = room.draft(message(eve, 'bad'))
    const zeros = addSignature({}, peer.signer, encodeBase64(new Uint8Array(64)))
    const lies = [forged.pdu, byThird.pdu, { ...unsigned.pdu, signatures: {} }, { ...bad.pdu, signatures: zeros }]
    const results = await peer.send(...lies)
    for (const { eventId } of [forged, byThird, unsigned, bad]) expect(results[eventId]).toMatchObject({ error: expect.any(String) })
    expect(await texts(alice, roomId)).toEqual([])
    // Signed by both is signed.
    const both = room.write(message(eve, 'both'))
    const signatures = addSignature(both.pdu.signatures, third.signer, encodeBase64(third.signer.sign('something else')))
    expect(await peer.send({ ...both.pdu, signatures })).toEqual({ [both.eventId]: {} })
  })

  it('E3: are dropped where only the whole is signed, and redacted where only the rest is', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const whole = room.draft(message(eve, 'whole'))
    const { signatures: _, ...bare } = whole.pdu
    const signed = addSignature({}, peer.signer, encodeBase64(peer.signer.sign(canonicalJson(bare))))
    const altered = room.draft(message(eve, 'original'))
    const results = await peer.send({ ...bare, signatures: signed }, { ...altered.pdu, content: { msgtype: 'm.text', body: 'altered' } })
    expect(results).toMatchObject({ [whole.eventId]: { error: expect.any(String) }, [altered.eventId]: {} })
    const events = await seen(alice, roomId)
    expect(events.map(({ event_id }) => event_id)).not.toContain(whole.eventId)
    expect(events.find(({ event_id }) => event_id === altered.eventId)?.content).toEqual({})
  })

  it('E4: are dropped without a hash', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const event = room.draft(message(eve, 'no hash'))
    const { hashes: _, ...bare } = event.pdu
    for (const hashes of [undefined, {}, { sha256: 5 }, { sha256: '!' }, 'x']) {
      const pdu: JsonObject = hashes === undefined ? bare : { ...bare, hashes }
      await peer.send(pdu)
    }
    expect(await texts(alice, roomId)).toEqual([])
  })

  it('E5: are rejected when they rest on the wrong events', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const other = await shareRoom(alice, peer, version)
    const topic = await alice.sendState(roomId, 'm.room.topic', '', { topic: 'x' })
    await alice.send(roomId, 'before')
    await heard(peer, roomId, 'before')
    const honest = room.draft(message(eve, 'honest'))
    const rightly = [...honest.authEvents]
    const create = room.line.state.get(stateKeyOf('m.room.create'))?.eventId ?? ''
    const otherMember = other.room.line.state.get(stateKeyOf('m.room.member', other.eve))?.eventId ?? ''
    const firstMember = [...room.events.values()].find(({ stateKey }) => stateKey === alice.userId)?.eventId ?? ''
    const wrong: readonly (readonly [string, readonly string[]])[] = [
      ['nothing', []],
      ['something irrelevant', [...rightly, topic]],
      ['somebody else’s membership', [...rightly, firstMember]],
      ['another room', [...rightly, otherMember]],
      version === '12' ? ['the create event', [...rightly, create]] : ['no create event', rightly.filter((id) => id !== create)],
      ['eleven', Array.from({ length: 11 }, (_, n) => `$${String(n).padStart(43, 'a')}`)],
    ]
    for (const [what, authEvents] of wrong) await peer.send(room.draft({ ...message(eve, what), authEvents }))
    await peer.send(honest)
    expect(await texts(alice, roomId)).toEqual(['before', 'honest'])
  })

  it('E7: that evade a ban are not shown, E9: nor built upon, nor told to others', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const before = room.line
    await alice.moderate('ban', roomId, eve)
    const { event } = room.next(before, message(eve, 'evading'))
    await peer.send(event)
    const stateEvent = room.next(before, {
      sender: eve,
      type: 'm.room.member',
      stateKey: eve,
      content: { membership: 'join', displayname: 'x' },
    })
    await peer.send(stateEvent.event)
    const sync = JSON.stringify(await alice.sync())
    for (const { eventId } of [event, stateEvent.event]) {
      expect(sync).not.toContain(eventId)
      expect((await seen(alice, roomId)).map(({ event_id }) => event_id)).not.toContain(eventId)
      for (const what of ['event', 'context']) {
        await expect(alice.call('GET', `/v3/rooms/${encodeURIComponent(roomId)}/${what}/${encodeURIComponent(eventId)}`)).rejects.toThrow(
          /404/,
        )
      }
    }
    const member = (await alice.state(roomId)).find(({ state_key }) => state_key === eve)
    expect(member?.content.membership).toBe('ban')
    await alice.moderate('unban', roomId, eve)
    const back = await peer.join(roomId, eve)
    for (const { eventId } of [event, stateEvent.event]) {
      expect([...back.events.values()].flatMap(({ prevEvents }) => prevEvents)).not.toContain(eventId)
      expect((await peer.ask('GET', `v1/event/${encodeURIComponent(eventId)}`)).status).toBe(404)
    }
  })

  it('E8: that rest on a rejected event are rejected, and those that only follow one are not', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const start = room.line
    const bad = room.next(start, { sender: eve, type: 'm.room.power_levels', stateKey: '', content: { users: { [eve]: 100 } } })
    const citing = room.next(bad.line, { sender: eve, type: 'm.room.name', stateKey: '', content: { name: 'mine' } })
    const following = room.next({ ...start, tips: bad.line.tips }, message(eve, 'following'))
    const results = await peer.send(bad.event, citing.event, following.event)
    expect(results[bad.event.eventId]).toMatchObject({ error: expect.any(String) })
    expect(results[citing.event.eventId]).toMatchObject({ error: expect.any(String) })
    expect(await texts(alice, roomId)).toEqual(['following'])
    expect((await alice.state(roomId)).map(({ type }) => type)).not.toContain('m.room.name')
  })

  it('E14: are there once, however often and however changed they come', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const event = room.write(message(eve, 'once'))
    const unsigned = { age: 5, transaction_id: 'x', redacted_because: { content: {} }, 'm.relations': { 'm.thread': { count: 9 } } }
    await Promise.all([peer.send(event, event), peer.send(event), peer.send({ ...event.pdu, unsigned })])
    await peer.send({ ...event.pdu, unsigned: { ...unsigned, age: 7 } })
    const found = (await seen(alice, roomId)).filter(({ event_id }) => event_id === event.eventId)
    expect(found).toHaveLength(1)
    expect(Object.keys(found[0]?.unsigned ?? {})).not.toContain('transaction_id')
    expect(JSON.stringify(found)).not.toMatch(/redacted_because|m\.thread/)
  })

  it('E15: are dropped with an impossible depth, and with the deepest one leave the room in order', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    for (const depth of [-1, 2 ** 53, '5', null]) {
      const event = room.draft(message(eve, `depth ${depth}`))
      const pdu: JsonObject = { ...event.pdu, depth }
      // What has no canonical form cannot be sealed or signed.
      await peer
        .send(typeof depth === 'number' && !Number.isSafeInteger(depth) ? pdu : resealed(room, event, { depth }))
        .catch(() => undefined)
    }
    expect(await texts(alice, roomId)).toEqual([])
    await alice.send(roomId, 'first')
    await heard(peer, roomId, 'first')
    const deepest = room.write({ ...message(eve, 'deepest'), depth: Number.MAX_SAFE_INTEGER })
    expect(await peer.send(deepest)).toEqual({ [deepest.eventId]: {} })
    await alice.send(roomId, 'after')
    expect((await heard(peer, roomId, 'after')).depth).toBe(Number.MAX_SAFE_INTEGER)
    const shallow = room.write({ ...message(eve, 'shallow'), depth: 1 })
    await peer.send(shallow)
    expect(await texts(alice, roomId)).toEqual(['first', 'deepest', 'after', 'shallow'])
    // And others may still join.
    await third.join(roomId, third.user('late'))
  })

  it('E16: stand in the order in which they came, whatever time they name', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const hour = 3_600_000
    const times = [Date.now() + 20 * hour, 1, 0, Date.now(), 5]
    for (const [n, originServerTs] of times.entries()) await peer.send(room.write({ ...message(eve, `${n}`), originServerTs }))
    await alice.send(roomId, 'now')
    expect(await texts(alice, roomId)).toEqual(['0', '1', '2', '3', '4', 'now'])
  })

  it('F6: that are later than their key is valid are dropped, after asking for the key once more', async () => {
    const liar = await world.peer()
    const { roomId, room, eve } = await shareRoom(alice, liar, version)
    const far = room.draft({ ...message(eve, 'in the year 9999'), originServerTs: 253_370_764_800_000 })
    expect(await liar.send(far)).toMatchObject({ [far.eventId]: { error: expect.any(String) } })
    const near = room.write(message(eve, 'now'))
    expect(await liar.send(near)).toEqual({ [near.eventId]: {} })
    expect(await texts(alice, roomId)).toEqual(['now'])
    expect(liar.asked(/^\/_matrix\/key/)).toBeLessThanOrEqual(2)
  })

  it('E17: pages full of what is not shown do not end the reading', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    for (let page = 0; page < 3; page += 1) {
      await alice.send(roomId, `page ${page}`)
      await heard(peer, roomId, `page ${page}`)
      const rejected = Array.from({ length: 40 }, (_, n) =>
        room.draft({ sender: eve, type: 'm.room.topic', stateKey: '', content: { topic: `${n}` } }),
      )
      const results = await peer.send(...rejected)
      expect(Object.values(results).filter(({ error }) => error === undefined)).toEqual([])
    }
    expect((await alice.history(roomId, '2')).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)).toEqual([
      'page 0',
      'page 1',
      'page 2',
    ])
  })

  it('E19: found no second room inside the room', async () => {
    const { roomId, room, eve } = await shareRoom(alice, peer, version)
    const create = room.line.state.get(stateKeyOf('m.room.create'))
    if (create === undefined) throw new Error('no create event')
    const content = { room_version: version, creator: eve }
    if (version === '12') {
      const { hashes: _h, signatures: _s, ...bare } = create.pdu
      const { pdu } = sealPdu({ ...bare, room_id: roomId, sender: eve, content }, room.rules, peer.signer)
      await peer.send(pdu)
    } else {
      await peer.send(room.draft({ sender: eve, type: 'm.room.create', stateKey: '', content, prevEvents: [], authEvents: [] }))
      await peer.send(room.draft({ sender: eve, type: 'm.room.create', stateKey: '', content }))
    }
    const state = (await alice.state(roomId)).filter(({ type }) => type === 'm.room.create')
    expect(state.map(({ event_id }) => event_id)).toEqual([create.eventId])
    await alice.send(roomId, 'goes on')
  })
})
