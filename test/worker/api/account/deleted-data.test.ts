import { describe, expect, it } from 'vitest'
import { type Answer, call, registerAccount, type TestSession, tryLogin } from '../../../support/api-client.ts'
import { createRoom, enc, ok } from '../../../support/room-api.ts'

const TYPE = 'org.example.test'
const UNSTABLE = '/_matrix/client/unstable/org.matrix.msc3391'

interface Piece {
  readonly type: string
  readonly content: unknown
}

/** Account data in a sync, global or of one room. */
async function synced(
  who: TestSession,
  roomId: string | undefined,
  since?: string,
): Promise<{ readonly pieces: unknown[]; readonly next: string }> {
  const { body } = ok(await call('GET', `/sync?${new URLSearchParams(since === undefined ? {} : { since })}`, { token: who.token }))
  const section = roomId === undefined ? body : body.rooms?.join?.[roomId]
  const events: readonly Piece[] = section?.account_data?.events ?? []
  return { pieces: events.filter(({ type }) => type === TYPE).map(({ content }) => content), next: body.next_batch }
}

describe('account data that is deleted (MSC3391)', () => {
  it.each([
    ['DELETE', 'global'],
    ['PUT', 'global'],
    ['DELETE', 'room'],
    ['PUT', 'room'],
  ] as const)('by %s, %s: is told as {} to those who knew it, and to nobody else', async (method, where) => {
    const alice = await registerAccount()
    const roomId = where === 'room' ? await createRoom(alice) : undefined
    const place = `user/${alice.userId}${roomId === undefined ? '' : `/rooms/${enc(roomId)}`}/account_data/${TYPE}`
    const at = (how: string, path: string, body?: object): Promise<Answer> => call(how, path, { token: alice.token, body })
    ok(await at('PUT', `/${place}`, { a: 1 }))
    const before = await synced(alice, roomId)
    expect(before.pieces).toEqual([{ a: 1 }])
    for (let times = 0; times < 2; times += 1)
      ok(await (method === 'PUT' ? at('PUT', `/${place}`, {}) : at('DELETE', `${UNSTABLE}/${place}`)))
    const after = await synced(alice, roomId, before.next)
    expect(after.pieces).toEqual([{}])
    expect((await synced(alice, roomId, after.next)).pieces).toEqual([])
    expect((await synced(alice, roomId)).pieces).toEqual([])
    expect([(await at('GET', `/${place}`)).status, (await at('GET', `/${place}`)).body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    ok(await at('PUT', `/${place}`, { a: 2 }))
    expect((await synced(alice, roomId, after.next)).pieces).toEqual([{ a: 2 }])
  })

  it('is the own one only, and none that has endpoints of its own (A20)', async () => {
    const [alice, bob] = [await registerAccount(), await registerAccount()]
    expect((await call('DELETE', `${UNSTABLE}/user/${alice.userId}/account_data/${TYPE}`, { token: bob.token })).status).toBe(403)
    for (const type of ['m.push_rules', 'm.fully_read']) {
      expect((await call('DELETE', `${UNSTABLE}/user/${alice.userId}/account_data/${type}`, { token: alice.token })).status).toBe(405)
    }
  })

  it.each(['m', 'org.matrix.msc3890'])(
    'goes with the device whose notifications it is about: %s.local_notification_settings (MSC3890)',
    async (prefix) => {
      const alice = await registerAccount()
      const second = (await tryLogin(alice.localpart)).body
      const path = `/user/${alice.userId}/account_data/${prefix}.local_notification_settings.${second.device_id}`
      ok(await call('PUT', path, { token: alice.token, body: { is_silenced: true } }))
      const { next } = await synced(alice, undefined)
      ok(await call('POST', '/logout', { token: second.access_token }))
      expect((await call('GET', path, { token: alice.token })).status).toBe(404)
      const { body } = ok(await call('GET', `/sync?since=${next}`, { token: alice.token }))
      expect(body.account_data.events).toEqual([{ type: path.split('/').at(-1), content: {} }])
    },
  )
})
