import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeBase64 } from '../../../../src/matrix/base64.ts'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { type Choice, type HostileRoom, stateKeyOf } from '../../../support/hostile-room.ts'
import { type HostileWorld, startHostileWorld } from '../../../support/hostile-world.ts'
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

const e = encodeURIComponent
/** What JSON can be besides an object. */
const noObject = (value: unknown): JsonObject => value as JsonObject

function createOf(room: HostileRoom): JsonObject {
  return room.line.state.get(stateKeyOf('m.room.create'))?.pdu ?? {}
}

describe.each(['10', '12'])('invitations of a server that lies, to a room of version %s', (version) => {
  const invitation = (room: HostileRoom, change: Partial<Choice> = {}) =>
    room.draft({ sender: peer.user('host'), type: 'm.room.member', stateKey: alice.userId, content: { membership: 'invite' }, ...change })

  async function invite(room: HostileRoom, pdu: JsonObject, eventId: string, change: JsonObject = {}, roomId = room.roomId) {
    const body = { room_version: version, event: pdu, invite_room_state: [createOf(room)], ...change }
    return await peer.ask('PUT', `v2/invite/${e(roomId)}/${e(eventId)}`, body)
  }

  it('F9: signs nothing but an invitation of the asking server’s user to one of ours', async () => {
    const room = peer.found(version, peer.user('host'))
    const elsewhere = peer.found(version, peer.user('host'))
    const wrong: readonly (readonly [string, Partial<Choice>])[] = [
      ['a join', { content: { membership: 'join' } }],
      ['a ban', { content: { membership: 'ban' } }],
      ['no member event', { type: 'm.room.power_levels', stateKey: '', content: { users: { [alice.userId]: 0 } } }],
      ['no membership', { content: {} }],
      ['a membership that is no text', { content: { membership: ['invite'] } }],
      ['somebody of another server', { sender: other.user('host'), signer: other.signer }],
      ['somebody of this server as sender', { sender: alice.userId }],
      ['somebody of another server as target', { stateKey: other.user('host') }],
      ['a target that is no user', { stateKey: world.here.name }],
      ['another signature', { signer: other.signer }],
    ]
    for (const [what, change] of wrong) {
      const { pdu, eventId } = invitation(room, change)
      const answer = await invite(room, pdu, eventId)
      expect([what, answer.status, answer.body.event]).toEqual([what, 400, undefined])
    }
    const good = invitation(room)
    const refused: readonly (readonly [string, Promise<{ status: number; body: JsonObject }>])[] = [
      ['another ID', invite(room, good.pdu, '$other')],
      ['another room', invite(room, good.pdu, good.eventId, {}, elsewhere.roomId)],
      ['another version', invite(room, good.pdu, good.eventId, { room_version: version === '10' ? '9' : '11' })],
      ['an unknown version', invite(room, good.pdu, good.eventId, { room_version: '99' })],
      ['altered content', invite(room, { ...good.pdu, content: { membership: 'invite', displayname: 'x' } }, good.eventId)],
      ['no event', invite(room, noObject([]), good.eventId)],
    ]
    for (const [what, asked] of refused) {
      const { status, body } = await asked
      // A version with the same event format changes nothing about what is signed.
      if (what === 'another version' && status === 200) continue
      expect([what, status, body.event]).toEqual([what, 400, undefined])
    }
    expect(Object.keys((await alice.sync()).rooms?.invite ?? {})).not.toContain(elsewhere.roomId)
  })

  it('F9: the signature covers the redacted event and nothing else that came with it', async () => {
    const room = peer.found(version, peer.user('host'))
    const { pdu, eventId } = invitation(room)
    const extra = { ...pdu, unsigned: { invite_room_state: [], age: 1 } }
    const { status, body } = await invite(room, extra, eventId, { method: 'PUT', uri: '/_matrix/x', destination: other.serverName })
    expect(status).toBe(200)
    const signed = isJsonObject(body.event) ? body.event : {}
    expect(room.parse(signed).eventId).toBe(eventId)
    const { [world.here.name]: ours, [peer.serverName]: theirs } = signed.signatures as Record<string, JsonObject>
    expect(Object.keys(theirs ?? {})).toHaveLength(1)
    expect(decodeBase64(String(Object.values(ours ?? {})[0]))).toHaveLength(64)
    const shown = (await alice.sync()).rooms?.invite?.[room.roomId]?.invite_state?.events ?? []
    expect(shown.find(({ type }) => type === 'm.room.member')?.sender).toBe(peer.user('host'))
    await alice.leave(room.roomId)
  })

  it('an invitation from a room that is not shown to exist is none, from version 12 on', async () => {
    const room = peer.found(version, peer.user('host'))
    const elsewhere = peer.found(version, peer.user('host'))
    const { pdu, eventId } = invitation(room)
    const expected = version === '12' ? 400 : 200
    for (const state of [
      [],
      'x',
      [createOf(elsewhere)],
      [{ type: 'm.room.create', state_key: '', sender: peer.user('host'), content: {} }],
    ]) {
      const { status } = await invite(room, pdu, eventId, { invite_room_state: state as JsonObject[] })
      expect(status).toBe(expected)
    }
  })

  it('F9: nothing is signed for somebody who does not want to be invited (MSC4155); what is ignored is signed and not shown', async () => {
    const set = (content: JsonObject): Promise<unknown> =>
      alice.call('PUT', `/v3/user/${e(alice.userId)}/account_data/org.matrix.msc4155.invite_permission_config`, { body: content })
    const room = peer.found(version, peer.user('host'))
    const { pdu, eventId } = invitation(room)
    await set({ blocked_users: ['@h*:*'] })
    const { status, body } = await invite(room, pdu, eventId)
    expect([status, body.errcode, body.event]).toEqual([403, 'M_INVITE_BLOCKED', undefined])
    await set({ ignored_users: [peer.user('host')] })
    expect((await invite(room, pdu, eventId)).status).toBe(200)
    expect((await alice.sync()).rooms?.invite?.[room.roomId]).toBeUndefined()
    await set({})
    expect((await alice.sync()).rooms?.invite?.[room.roomId]).toBeDefined()
    await alice.leave(room.roomId)
  })

  it('our invitation is not sent before their server has signed it, and is none if it signs something else', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat', room_version: version })
    const bob = peer.user('bob')
    const invited = async (): Promise<unknown> => (await alice.state(roomId)).find(({ state_key }) => state_key === bob)?.content.membership
    const lies: readonly ((honest: JsonObject) => JsonObject)[] = [
      () => ({}),
      ({ event }) => ({ event: { ...(event as JsonObject), content: { membership: 'ban' } } }),
      ({ event }) => ({ event: { ...(event as JsonObject), signatures: {} } }),
      ({ event }) => {
        const pdu = event as JsonObject
        const { [peer.serverName]: _, ...signatures } = pdu.signatures as JsonObject
        return { event: { ...pdu, signatures } }
      },
      () => ({ event: [] }),
    ]
    for (const lie of lies) {
      peer.lie('PUT', /\/invite\//, lie)
      await expect(alice.moderate('invite', roomId, bob)).rejects.toThrow()
      expect(await invited()).toBeUndefined()
    }
    peer.lie('PUT', /\/invite\//, (honest) => honest)
    await alice.moderate('invite', roomId, bob)
    expect(await invited()).toBe('invite')
  })
})
