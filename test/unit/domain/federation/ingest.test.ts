import { describe, expect, it } from 'vitest'
import { parseTransaction } from '../../../../src/domain/federation/ingest/parse-transaction.ts'
import { type FetchKeys, type PduVerdict, verifyPdus } from '../../../../src/domain/federation/ingest/verify-pdus.ts'
import type { KeyQuestion } from '../../../../src/federation/outbound/keys/key-memory.ts'
import { cosignPdu, createEvent, type EventDraft, sealPdu } from '../../../../src/matrix/events/create-event.ts'
import type { KnownKey } from '../../../../src/matrix/events/event-signatures.ts'
import type { JsonObject, JsonValue } from '../../../../src/matrix/json.ts'
import { parseLosslessJson } from '../../../../src/matrix/lossless-json.ts'
import { HostileServer } from '../../../support/hostile-server.ts'
import { rulesOf } from '../../../support/room-builder.ts'

const NOW = 1_700_000_000_000
const DAY_MS = 86_400_000
const ROOM = '!room:peer.example'
const peer = new HostileServer('peer.example', 1)
const third = new HostileServer('third.example', 2)
const RULES = rulesOf('11')
const asked: KeyQuestion[] = []

/** Keys of both servers, as far as they are valid. */
const keysUntil =
  (validUntilTs: number, servers: readonly HostileServer[] = [peer, third]): FetchKeys =>
  async (questions) => {
    asked.splice(0, asked.length, ...questions)
    return (serverName, keyId): KnownKey | undefined => {
      const server = servers.find((known) => known.serverName === serverName && known.signer.keyId === keyId)
      return server === undefined ? undefined : { publicKey: server.publicKey, validUntilTs }
    }
  }

const draft = (changes: Partial<EventDraft> = {}): EventDraft => ({
  roomId: ROOM,
  type: 'm.room.message',
  sender: '@alice:peer.example',
  content: { body: 'hello' },
  originServerTs: NOW,
  depth: 5,
  prevEvents: ['$prev'],
  authEvents: ['$auth'],
  ...changes,
})
const event = (changes: Partial<EventDraft> = {}, signer = peer.signer, rules = RULES) => createEvent(draft(changes), rules, signer)

async function verify(pdus: readonly JsonObject[], rules = RULES, fetchKeys = keysUntil(NOW + DAY_MS)): Promise<PduVerdict[]> {
  return await verifyPdus(
    pdus.map((pdu) => ({ pdu, roomId: ROOM, inexact: false })),
    rules,
    fetchKeys,
  )
}

async function verdictOn(pdu: JsonObject, rules = RULES, fetchKeys = keysUntil(NOW + DAY_MS)): Promise<PduVerdict> {
  const [verdict] = await verify([pdu], rules, fetchKeys)
  if (verdict === undefined) throw new Error('no verdict')
  return verdict
}

describe('a transaction', () => {
  const transaction = (body: JsonObject, inexact: ReadonlySet<JsonValue> = new Set()) => parseTransaction(body, inexact)

  it('is taken apart by room, each room’s events in order', () => {
    const pdus = ['!a', '!b', '!a'].map((room_id, n) => ({ room_id, n }))
    const { rooms, edus } = transaction({ pdus, edus: [{ edu_type: 'm.typing', content: { a: 1 } }] })
    expect([...rooms].map(([roomId, list]) => [roomId, list.map(({ pdu }) => pdu.n)])).toEqual([
      ['!a', [0, 2]],
      ['!b', [1]],
    ])
    expect(edus).toEqual([{ type: 'm.typing', content: { a: 1 } }])
  })

  it('of 51 PDUs or 101 EDUs is refused (F16)', () => {
    const many = (count: number) => Array.from({ length: count }, () => ({ room_id: '!a' }))
    expect(transaction({ pdus: many(50), edus: many(100) }).rooms.get('!a')).toHaveLength(50)
    expect(() => transaction({ pdus: many(51) })).toThrow('at most 50')
    expect(() => transaction({ pdus: [], edus: many(101) })).toThrow('at most 100')
    expect(() => transaction({ pdus: {} })).toThrow('must be a list')
    expect(transaction({}).rooms.size).toBe(0)
  })

  it('loses nothing by what is no PDU and no EDU among the others', () => {
    const { rooms, edus } = transaction({
      pdus: [5, null, [], {}, { room_id: 5 }, { type: 'm.room.create', room_id: null }, { room_id: '!a' }],
      edus: [5, {}, { edu_type: 'x' }, { edu_type: 5, content: {} }, { edu_type: 'x', content: [] }, { edu_type: 'x', content: {} }],
    })
    expect([...rooms.keys()]).toEqual(['!a'])
    expect(edus).toHaveLength(1)
  })

  it('may bring the event that founds a room under its hash', () => {
    const rules = rulesOf('12')
    const create = createEvent(
      draft({ roomId: undefined, type: 'm.room.create', stateKey: '', prevEvents: [], authEvents: [] }),
      rules,
      peer.signer,
    )
    expect([...transaction({ pdus: [create.pdu] }).rooms.keys()]).toEqual([create.roomId])
  })

  it('marks the events whose numbers are not what was sent, and only those', async () => {
    const parsed = parseLosslessJson(
      '{"pdus":[{"room_id":"!a","n":1.0},{"room_id":"!a","n":1}],"edus":[{"edu_type":"x","content":{"n":1.0}}]}',
    )
    if (!parsed.ok) throw new Error(parsed.reason)
    const { rooms, edus } = transaction(parsed.value as JsonObject, parsed.inexact)
    expect(rooms.get('!a')?.map(({ inexact }) => inexact)).toEqual([true, false])
    expect(edus).toEqual([])
    const [verdict] = await verifyPdus(rooms.get('!a')?.slice(0, 1) ?? [], RULES, keysUntil(NOW))
    expect(verdict).toMatchObject({ kind: 'dropped', reason: 'The event has numbers that cannot be represented' })
  })
})

describe('check 1: the format', () => {
  it.each<[string, (pdu: JsonObject) => JsonObject]>([
    ['without hashes (E4)', ({ hashes: _, ...rest }) => rest],
    ['with a hash that is none (E4)', (pdu) => ({ ...pdu, hashes: { sha256: 5 } })],
    ['with a negative depth (E15)', (pdu) => ({ ...pdu, depth: -1 })],
    ['with a depth above the maximum (E15)', (pdu) => ({ ...pdu, depth: 2 ** 53 })],
    ['with 21 prev_events (E6)', (pdu) => ({ ...pdu, prev_events: Array.from({ length: 21 }, (_, n) => `$${n}`) })],
    ['with no prev_events (E6)', (pdu) => ({ ...pdu, prev_events: [] })],
    ['with 11 auth_events (E5)', (pdu) => ({ ...pdu, auth_events: Array.from({ length: 11 }, (_, n) => `$${n}`) })],
    ['of another room', (pdu) => ({ ...pdu, room_id: '!other:peer.example' })],
    ['with a type of 256 bytes (P8)', (pdu) => ({ ...pdu, type: 'x'.repeat(256) })],
    ['of 64 KiB and more (P8)', (pdu) => ({ ...pdu, content: { body: 'x'.repeat(65_536) } })],
    ['with U+0000 where it is filed (P3)', (pdu) => ({ ...pdu, state_key: 'a\0b' })],
    ['with a float', (pdu) => ({ ...pdu, content: { n: 1.5 } })],
  ])('drops a PDU %s, and processes the rest', async (_, change) => {
    const good = event({ content: { body: 'another' } })
    const [bad, other] = await verify([change(event().pdu), good.pdu])
    expect(bad?.kind).toBe('dropped')
    expect(other).toMatchObject({ kind: 'verified', eventId: good.eventId })
  })
})

describe('check 2: the signatures (E2)', () => {
  it('accepts what the sender’s server has signed', async () => {
    const { eventId, pdu } = event()
    expect(await verdictOn(pdu)).toMatchObject({ kind: 'verified', eventId, event: { pdu }, redacted: false })
    expect(asked).toEqual([{ serverName: 'peer.example', keyId: 'ed25519:a_hostile', minimumValidUntilTs: NOW }])
  })

  it('computes the ID itself, whatever the PDU says (E1)', async () => {
    const { eventId, pdu } = event()
    // Added on the way it breaks the signature; signed by the sender it is a key like any other.
    expect((await verdictOn({ ...pdu, event_id: '$forged:peer.example' })).kind).toBe('dropped')
    const { hashes: _, signatures: __, ...bare } = pdu
    const sealed = sealPdu({ ...bare, event_id: '$forged:peer.example' }, RULES, peer.signer)
    const verdict = await verdictOn(sealed.pdu)
    expect(verdict.kind).toBe('verified')
    expect([eventId, '$forged:peer.example']).not.toContain(verdict.eventId)
    expect(await verdictOn({ ...pdu, unsigned: { age: 1 } })).toMatchObject({ kind: 'verified', eventId, event: { pdu } })
  })

  it.each<[string, () => JsonObject]>([
    ['by nobody', () => ({ ...event().pdu, signatures: {} })],
    ['only by a third server', () => event({}, third.signer).pdu],
    [
      'by a third server under the sender’s name',
      () => ({
        ...event().pdu,
        signatures: { 'peer.example': (event({}, third.signer).pdu.signatures as JsonObject)['third.example'] as JsonValue },
      }),
    ],
    ['by a key that nobody knows', () => ({ ...event().pdu, signatures: { 'peer.example': { 'ed25519:unknown': 'AAAA' } } })],
    ['before its type was changed', () => ({ ...event().pdu, type: 'm.room.topic' })],
    ['before its sender was changed', () => ({ ...event().pdu, sender: '@mallory:peer.example' })],
    ['with another algorithm', () => ({ ...event().pdu, signatures: { 'peer.example': { 'rsa:1': 'AAAA' } } })],
  ])('drops what is signed %s', async (_, pdu) => {
    expect((await verdictOn(pdu())).kind).toBe('dropped')
  })

  it('drops what was signed after the key had ended, in rooms that ask for that (F6)', async () => {
    const { pdu } = event()
    expect(await verdictOn(pdu, RULES, keysUntil(NOW - 1))).toMatchObject({ kind: 'dropped', reason: expect.stringContaining('no key') })
    const old = event({}, peer.signer, rulesOf('4'))
    expect((await verdictOn(old.pdu, rulesOf('4'), keysUntil(NOW - 1))).kind).toBe('verified')
  })

  it('in rooms of version 1 wants the signature of the server in the event’s ID as well (E1)', async () => {
    const rules = rulesOf('1')
    const references = new Map([
      ['$prev', 'AAAA'],
      ['$auth', 'AAAA'],
    ])
    const foreign = event({ eventId: '$x:third.example', referenceHashes: references }, peer.signer, rules)
    expect((await verdictOn(foreign.pdu, rules)).kind).toBe('dropped')
    expect((await verdictOn(cosignPdu(foreign.pdu, rules, third.signer), rules)).kind).toBe('verified')
  })

  it('rejects, but keeps, a restricted join that the vouching server has not signed (F12)', async () => {
    const join = event({
      type: 'm.room.member',
      stateKey: '@alice:peer.example',
      content: { membership: 'join', join_authorised_via_users_server: '@host:third.example' },
    })
    expect(await verdictOn(join.pdu)).toMatchObject({ kind: 'rejected', eventId: join.eventId })
    expect((await verdictOn(cosignPdu(join.pdu, RULES, third.signer))).kind).toBe('verified')
  })

  it('fetches the keys of all PDUs together, and none for those that are dropped already', async () => {
    let rounds = 0
    const pdus = [event().pdu, event({ content: { body: '2' } }).pdu, { ...event().pdu, depth: -1 }]
    await verify(pdus, RULES, async (questions) => {
      rounds += 1
      return await keysUntil(NOW)(questions)
    })
    expect(rounds).toBe(1)
    expect(asked).toHaveLength(2)
  })
})

describe('check 3: the hash (E3)', () => {
  it('where it does not fit leaves the redacted event, under the same ID', async () => {
    const { eventId, pdu } = event()
    const verdict = await verdictOn({ ...pdu, content: { body: 'altered' } })
    expect(verdict).toMatchObject({
      kind: 'verified',
      eventId,
      redacted: true,
      event: { pdu: { content: {}, signatures: pdu.signatures } },
    })
  })

  it('does not save an event whose protected part was altered', async () => {
    const member = event({ type: 'm.room.member', stateKey: '@alice:peer.example', content: { membership: 'leave' } })
    expect((await verdictOn({ ...member.pdu, content: { membership: 'join' } })).kind).toBe('dropped')
  })
})
