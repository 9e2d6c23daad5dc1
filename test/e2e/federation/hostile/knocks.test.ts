import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64 } from '../../../../src/matrix/base64.ts'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { type HostileRoom, stateKeyOf } from '../../../support/hostile-room.ts'
import type { KeyDocumentLies } from '../../../support/hostile-server.ts'
import { type HostileWorld, outcomeOf, shareRoom, startHostileWorld } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let alice: MatrixClient

beforeAll(async () => {
  world = await startHostileWorld()
  alice = await world.here.register('alice')
}, 120_000)
afterAll(async () => world?.stop())

const e = encodeURIComponent
type Change = (event: JsonObject) => JsonObject
/** Templates of something else than was asked for. */
const OTHERS: readonly (readonly [string, Change])[] = [
  ['another room', (event) => ({ ...event, room_id: '!other:example.org' })],
  ['another sender', (event) => ({ ...event, sender: '@bob:example.org' })],
  ['another state key', (event) => ({ ...event, state_key: '@bob:example.org' })],
  ['another type', (event) => ({ ...event, type: 'm.room.power_levels' })],
  ['a join', (event) => ({ ...event, content: { membership: 'join' } })],
  ['no event', () => ({})],
]

async function hosted(): Promise<{ peer: HostilePeer; room: HostileRoom; host: string }> {
  const peer = await world.peer()
  const host = peer.user('host')
  return { peer, host, room: peer.found('12', host) }
}

async function invite({ peer, room, host }: Awaited<ReturnType<typeof hosted>>): Promise<void> {
  const { pdu, eventId } = room.state(host, 'm.room.member', alice.userId, { membership: 'invite' })
  const create = room.line.state.get(stateKeyOf('m.room.create'))?.pdu ?? {}
  const body = { room_version: '12', event: pdu, invite_room_state: [create] }
  expect((await peer.ask('PUT', `v2/invite/${e(room.roomId)}/${e(eventId)}`, body)).status).toBe(200)
}

describe('F10: leaving and knocking through a server that lies', () => {
  it('signs no leave that was not asked for, and the user is rid of the invitation all the same', async () => {
    for (const [what, change] of OTHERS) {
      const from = await hosted()
      await invite(from)
      from.peer.lie('GET', /\/make_leave\//, ({ event, ...rest }) => ({ ...rest, event: change(isJsonObject(event) ? event : {}) }))
      await alice.leave(from.room.roomId)
      expect([what, from.peer.asked(/\/send_leave\//)]).toEqual([what, 0])
      expect(Object.keys((await alice.sync()).rooms?.invite ?? {})).not.toContain(from.room.roomId)
    }
  })

  it('declines honestly where the server is honest', async () => {
    const from = await hosted()
    await invite(from)
    await alice.leave(from.room.roomId)
    expect(from.room.line.state.get(stateKeyOf('m.room.member', alice.userId))?.content.membership).toBe('leave')
  })

  it('signs no knock that was not asked for', async () => {
    const { peer, room, host } = await hosted()
    room.state(host, 'm.room.join_rules', '', { join_rule: 'knock' })
    const knock = () => outcomeOf(alice.call('POST', `/v3/knock/${e(room.roomId)}`, { query: { via: peer.serverName }, body: {} }))
    for (const [what, change] of OTHERS) {
      peer.lie('GET', /\/make_knock\//, ({ event, ...rest }) => ({ ...rest, event: change(isJsonObject(event) ? event : {}) }))
      expect([what, (await knock()).status >= 400, peer.asked(/\/send_knock\//)]).toEqual([what, true, 0])
    }
    peer.lie('GET', /\/make_knock\//, (honest) => honest)
    const junk = [5, null, {}, { type: 'm.room.name' }, { type: 'm.room.name', state_key: '', sender: 5, content: {} }]
    peer.lie('PUT', /\/send_knock\//, () => ({ knock_room_state: junk }) as JsonObject)
    expect(await knock()).toMatchObject({ status: 200 })
    expect(Object.keys((await alice.sync()).rooms?.knock ?? {})).toContain(room.roomId)
  })
})

describe('F5: a server whose word about its keys is not to be believed', () => {
  const day = 86_400_000
  it.each<[string, (peer: HostilePeer) => KeyDocumentLies]>([
    ['that speaks of another server', () => ({ serverName: 'other.example.org' })],
    ['that nobody has signed', () => ({ signer: null })],
    ['that somebody else has signed', (peer) => ({ signer: { ...peer.signer, keyId: 'ed25519:other' } })],
    ['that has run out', () => ({ validUntilTs: Date.now() - day })],
    ['with a key of 31 bytes', (peer) => ({ verifyKeys: { [peer.signer.keyId]: { key: encodeBase64(new Uint8Array(31)) } } })],
    [
      'that calls its key retired',
      (peer) => ({ verifyKeys: {}, oldVerifyKeys: { [peer.signer.keyId]: { key: encodeBase64(peer.publicKey), expired_ts: Date.now() } } }),
    ],
  ])('%s is nobody', async (_what, lies) => {
    const peer = await world.peer()
    peer.on('GET', /^\/_matrix\/key/, () => Response.json(peer.keyDocument(lies(peer))))
    expect((await peer.transaction([])).status).toBe(401)
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    expect((await peer.ask('GET', `v1/make_join/${e(roomId)}/${e(peer.user('x'))}?ver=12`)).status).toBe(401)
    // It is not asked again and again for that.
    expect(peer.asked(/^\/_matrix\/key/)).toBe(1)
  })

  it('in the year 9999 counts for a week', async () => {
    const peer = await world.peer()
    peer.on('GET', /^\/_matrix\/key/, () => Response.json(peer.keyDocument({ validUntilTs: 253_370_764_800_000 })))
    const { room, eve } = await shareRoom(alice, peer, '12')
    const far = room.draft({ sender: eve, type: 'm.room.message', content: { body: 'far' }, originServerTs: Date.now() + 8 * day })
    const near = room.draft({ sender: eve, type: 'm.room.message', content: { body: 'near' }, originServerTs: Date.now() + 6 * day })
    expect(await peer.send(far, near)).toEqual({ [far.eventId]: { error: expect.any(String) }, [near.eventId]: {} })
  })
})
