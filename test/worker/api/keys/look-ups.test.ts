import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { deviceKeysOf, oneTimeKeys, upload } from '../../../support/e2ee.ts'
import { createRoom, enc, join, leave, moderate, ok, people } from '../../../support/room-api.ts'

const variables = { MYELIN_USER_LOOKUPS: 'shared-rooms' }

async function publish(who: TestSession): Promise<void> {
  ok(await upload(who, { device_keys: deviceKeysOf(who), one_time_keys: oneTimeKeys(5) }))
}

/** What one user finds out about another: profile, devices, a key. */
async function findsOut(
  who: TestSession | undefined,
  about: TestSession,
): Promise<{ profile: number; devices: string[]; claimed: number }> {
  const token = who?.token
  const profile = await call('GET', `/profile/${enc(about.userId)}`, { token, variables })
  const field = await call('GET', `/profile/${enc(about.userId)}/displayname`, { token, variables })
  expect(field.status === 200 || field.status === profile.status || field.status === 404).toBe(true)
  if (who === undefined) return { profile: profile.status, devices: [], claimed: 0 }
  const keys = ok(await call('POST', '/keys/query', { token, variables, body: { device_keys: { [about.userId]: [] } } })).body
  const wanted = { one_time_keys: { [about.userId]: { [about.deviceId]: 'signed_curve25519' } } }
  const { one_time_keys: claimed } = ok(await call('POST', '/keys/claim', { token, variables, body: wanted })).body
  return { profile: profile.status, devices: Object.keys(keys.device_keys[about.userId] ?? {}), claimed: Object.keys(claimed).length }
}

const NOTHING = { profile: 404, devices: [], claimed: 0 }
const everything = (about: TestSession) => ({ profile: 200, devices: [about.deviceId], claimed: 1 })

describe('looking up users where only shared rooms allow it (D12)', () => {
  it('shows nothing to strangers, in the words for users who do not exist, and asks for a token', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('two people')
    await publish(alice)
    expect(await findsOut(bob, alice)).toEqual(NOTHING)
    const nobody = { ...alice, userId: '@nobody-at-all:test.example' }
    expect(await findsOut(bob, nobody)).toEqual(NOTHING)
    expect((await findsOut(undefined, alice)).profile).toBe(401)
    const forged = `${bob.token.slice(0, -2)}xx`
    expect((await call('GET', `/profile/${enc(alice.userId)}`, { token: forged, variables })).status).toBe(401)
    expect(await findsOut(alice, alice)).toEqual(everything(alice))
  })

  it('shows everything to who shares a room or has invited the user, as long as that is so', async () => {
    const [alice, bob, carol] = await people(3)
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three people')
    await publish(alice)
    const shared = await createRoom(bob, { preset: 'public_chat' })
    const other = await createRoom(carol, { preset: 'private_chat' })
    ok(await join(alice, shared))
    expect(await findsOut(bob, alice)).toEqual(everything(alice))
    expect(await findsOut(carol, alice)).toEqual(NOTHING)
    ok(await moderate(carol, 'invite', other, alice))
    expect(await findsOut(carol, alice)).toEqual(everything(alice))
    ok(await leave(alice, shared))
    expect(await findsOut(bob, alice)).toEqual(NOTHING)
    ok(await leave(alice, other))
    expect(await findsOut(carol, alice)).toEqual(NOTHING)
  })

  it('is not so configured by default', async () => {
    const [alice, bob] = await people(2)
    if (alice === undefined || bob === undefined) throw new Error('two people')
    await publish(alice)
    expect((await call('GET', `/profile/${enc(alice.userId)}`)).status).toBe(200)
    const keys = ok(await call('POST', '/keys/query', { token: bob.token, body: { device_keys: { [alice.userId]: [] } } })).body
    expect(Object.keys(keys.device_keys[alice.userId])).toEqual([alice.deviceId])
  })
})
