import { exports } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createEvent } from '../../../src/matrix/events/create-event.ts'
import { checkSignaturesOf } from '../../../src/matrix/events/event-signatures.ts'
import { parsePdu } from '../../../src/matrix/events/parse-pdu.ts'
import { isJsonObject } from '../../../src/matrix/json.ts'
import { findRoomVersionRules } from '../../../src/matrix/room-versions/rules.ts'
import { publicKeyOfSeed } from '../../../src/matrix/signing.ts'
import { call, registerAccount } from '../../support/api-client.ts'
import { HostileInternet } from '../../support/hostile-internet.ts'
import { HostileServer } from '../../support/hostile-server.ts'

const OUR_KEY = { publicKey: publicKeyOfSeed(new Uint8Array(32).fill(9)), validUntilTs: Number.MAX_SAFE_INTEGER }
const SHA256 = 'A'.repeat(43)

afterEach(() => {
  vi.restoreAllMocks()
})

describe('rooms of versions 1 to 5', () => {
  it.each(['1', '2', '3', '4', '5'])('version %s: are made, written to and read', async (version) => {
    const alice = await registerAccount()
    const created = await call('POST', '/createRoom', { token: alice.token, body: { preset: 'public_chat', room_version: version } })
    expect(created.status).toBe(200)
    const path = `/rooms/${encodeURIComponent(String(created.body.room_id))}`
    const sent = await call('PUT', `${path}/send/m.room.message/one`, { token: alice.token, body: { msgtype: 'm.text', body: 'hello' } })
    const eventId = String(sent.body.event_id)
    expect(eventId).toMatch(Number(version) < 3 ? /^\$\w+:test\.example$/ : /^\$[\w+/-]{43}$/)
    // IDs of version 3 may have slashes in them.
    expect((await call('GET', `${path}/event/${encodeURIComponent(eventId)}`, { token: alice.token })).body).toMatchObject({
      content: { body: 'hello' },
    })
    const redaction = await call('PUT', `${path}/redact/${encodeURIComponent(eventId)}/two`, { token: alice.token, body: {} })
    expect(redaction.status).toBe(200)
    expect((await call('GET', `${path}/event/${encodeURIComponent(eventId)}`, { token: alice.token })).body).toMatchObject({ content: {} })
  })

  it('F9: an invitation in the older form is signed, and shown to its user', async () => {
    const peer = new HostileServer('older.example', 3)
    new HostileInternet().install().server(peer)
    const bob = await registerAccount()
    const rules = findRoomVersionRules('1')
    if (rules === undefined) throw new Error('no rules')
    const roomId = '!old:older.example'
    const invite = createEvent(
      {
        roomId,
        eventId: '$invite:older.example',
        type: 'm.room.member',
        stateKey: bob.userId,
        sender: '@eve:older.example',
        content: { membership: 'invite' },
        originServerTs: Date.now(),
        depth: 9,
        prevEvents: ['$before:older.example'],
        authEvents: ['$create:older.example'],
        referenceHashes: new Map([
          ['$before:older.example', SHA256],
          ['$create:older.example', null],
        ]),
      },
      rules,
      peer.signer,
    )
    const url = `https://test.example/_matrix/federation/v1/invite/${encodeURIComponent(roomId)}/${encodeURIComponent(invite.eventId)}`
    const name = { type: 'm.room.name', state_key: '', sender: '@eve:older.example', content: { name: 'an old room' } }
    const body = { ...invite.pdu, unsigned: { invite_room_state: [name] } }
    const response = await exports.default.fetch(peer.signedRequest('PUT', url, body, { destination: 'test.example' }))
    const answer: unknown = await response.json()
    expect(response.status).toBe(200)
    if (!Array.isArray(answer) || answer[0] !== 200 || !isJsonObject(answer[1].event)) throw new Error(JSON.stringify(answer))
    const parsed = parsePdu(answer[1].event, rules, roomId)
    if (!parsed.ok) throw new Error(parsed.reason)
    expect(checkSignaturesOf('test.example', parsed, rules, () => OUR_KEY).kind).toBe('valid')
    const { body: sync } = await call('GET', '/sync', { token: bob.token })
    expect(JSON.stringify(sync.rooms)).toContain('an old room')
  })
})
