import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeBase64 } from '../../../../src/matrix/base64.ts'
import { cosignPdu } from '../../../../src/matrix/events/create-event.ts'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import { findRoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { createSigner, publicKeyOfSeed } from '../../../../src/matrix/signing.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { bodyOf, HostileServer } from '../../../support/hostile-server.ts'
import { caller, createLocalRoom, type LocalRoom } from '../../../support/local-room.ts'
import { branchOf } from '../../../support/room-branch.ts'

const VERSION = '12'
const ALICE = '@alice:test.example'
const BOB = '@bob:remote.example'
const SIGN = /^\/_matrix\/policy\/v1\/sign$/
const KEY = 'ed25519:policy_server'
const SEED = new Uint8Array(32).fill(77)
const rules = findRoomVersionRules(VERSION)
if (rules === undefined) throw new Error(VERSION)
const roomRules = rules

let names = 0
/** A server that signs whatever it is shown, until a test says otherwise. */
let policy: HostileServer
let internet: HostileInternet

beforeEach(() => {
  names += 1
  policy = new HostileServer(`policy${names}.example`, 1)
  policy.on('POST', SIGN, (request) => Response.json(signatureOn(bodyOf(request))))
  internet = new HostileInternet().install().server(policy)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const signatureOn = (pdu: JsonObject, seed = SEED): JsonObject => {
  const { signatures } = cosignPdu({ ...pdu, signatures: {} }, roomRules, createSigner(policy.serverName, KEY, seed))
  return isJsonObject(signatures) ? signatures : {}
}
const content = (): JsonObject => ({ via: policy.serverName, public_keys: { ed25519: encodeBase64(publicKeyOfSeed(SEED)) } })
const refuse = (status: number, body: JsonObject): void => {
  policy.on('POST', SIGN, () => Response.json(body, { status }))
}
/** The policy server thinks about a message until the answer is called. */
function hesitate(body: string): () => void {
  let isDecided = false
  policy.on('POST', SIGN, async (request) => {
    const shown = bodyOf(request)
    // Looked at again and again: what runs in the object cannot wait for a promise of the test's.
    const isSlow = isJsonObject(shown.content) && shown.content.body === body
    while (isSlow && !isDecided) await new Promise((resolve) => setTimeout(resolve, 5))
    return Response.json(signatureOn(shown))
  })
  return () => {
    isDecided = true
  }
}
const asked = (): number => policy.asked(SIGN)

const ingest = async (room: LocalRoom, ...events: RoomEvent[]) => {
  const result = unwrap(await room.stub.ingest({ origin: 'remote.example', pdus: events.map(({ pdu }) => pdu) }, 'test'))
  return result.verdicts.map(({ verdict }) => verdict.kind)
}
const join = async (room: LocalRoom, userId: string): Promise<void> => {
  const { event } = (await branchOf(room, VERSION)).next(userId, 'm.room.member', { membership: 'join' }, userId)
  expect(await ingest(room, event)).toEqual(['accepted'])
}
const message = async (room: LocalRoom, body: string, sender = BOB): Promise<RoomEvent> =>
  (await branchOf(room, VERSION)).next(sender, 'm.room.message', { body }).event
const trySend = (room: LocalRoom, body: string, id = body) =>
  room.stub.send(caller(ALICE), {
    type: 'm.room.message',
    stateKey: undefined,
    content: { body },
    txn: { endpoint: 'send', id },
    redacts: undefined,
  })
const bodies = async (room: LocalRoom): Promise<unknown[]> => {
  const { timeline } = await room.window(ALICE, { to: 10_000 })
  return timeline.events.filter(({ type }) => type === 'm.room.message').map((event) => event.content.body)
}

/** A room of Alice's that Bob and the policy server are in, and that uses the policy server. */
async function guardedRoom(): Promise<LocalRoom> {
  const room = await createLocalRoom(ALICE, VERSION)
  for (const userId of [BOB, `@bot:${policy.serverName}`]) await join(room, userId)
  await room.setState(ALICE, 'm.room.policy', '', content())
  expect(asked()).toBe(0)
  return room
}

describe('E21: what a local user sends into a room with a policy server', () => {
  it('is shown to it first, and goes out with its signature beside ours', async () => {
    const room = await guardedRoom()
    const eventId = await room.send(ALICE, { body: 'hello' })
    expect(asked()).toBe(1)
    const { pdus } = await room.stub.eventsForServer('remote.example', 0, 50)
    const sent: unknown = pdus.map((pdu) => JSON.parse(pdu)).find(({ content: { body } }) => body === 'hello')
    if (!isJsonObject(sent) || !isJsonObject(sent.signatures)) throw new Error('not sent')
    const [shown] = policy.requests.filter(({ path }) => SIGN.test(path)).map(bodyOf)
    expect(sent.signatures).toEqual({ ...signatureOn(sent), 'test.example': { 'ed25519:a_test': expect.any(String) } })
    expect({ ...sent, signatures: shown?.signatures }).toEqual(shown)
    expect(await bodies(room)).toEqual(['hello'])
    expect(await room.send(ALICE, { body: 'again' })).not.toBe(eventId)
    expect(await bodies(room)).toEqual(['hello', 'again'])
  })

  it("is refused in the policy server's words where it refuses, and not stored", async () => {
    const room = await guardedRoom()
    refuse(400, { errcode: 'M_FORBIDDEN', error: 'This looks like spam' })
    expect(await trySend(room, 'spam')).toMatchObject({
      ok: false,
      error: { status: 403, errcode: 'M_FORBIDDEN', error: 'This looks like spam' },
    })
    expect(await bodies(room)).toEqual([])
    expect((await room.stub.eventsForServer('remote.example', 0, 50)).pdus.filter((pdu) => pdu.includes('spam'))).toEqual([])
  })

  it('is refused where the policy server does not sign it, and nobody is logged out by that (F20)', async () => {
    const room = await guardedRoom()
    const forbidden = { ok: false, error: { status: 403, errcode: 'M_FORBIDDEN' } }
    refuse(401, { errcode: 'M_UNKNOWN_TOKEN', error: 'who are you', soft_logout: false })
    expect(await trySend(room, '1')).toMatchObject(forbidden)
    refuse(404, { errcode: 'M_UNRECOGNIZED', error: 'x' })
    expect(await trySend(room, '2')).toMatchObject(forbidden)
    refuse(429, { errcode: 'M_LIMIT_EXCEEDED', error: 'slowly' })
    expect(await trySend(room, '3')).toMatchObject({ ok: false, error: { status: 429, errcode: 'M_LIMIT_EXCEEDED', error: 'slowly' } })
    policy.on('POST', SIGN, () => Response.json({}))
    expect(await trySend(room, '4')).toMatchObject(forbidden)
    policy.on('POST', SIGN, (request) => Response.json(signatureOn(bodyOf(request), new Uint8Array(32).fill(1))))
    expect(await trySend(room, '5')).toMatchObject(forbidden)
    policy.on('POST', SIGN, () => new Response('not JSON'))
    expect(await trySend(room, '6')).toMatchObject(forbidden)
    internet.remove(`${policy.serverName}:8448`)
    expect(await trySend(room, '7')).toMatchObject(forbidden)
    expect(await bodies(room)).toEqual([])
  })

  it('keeps its place while the room goes on, and is one event however often it is sent meanwhile', async () => {
    const room = await guardedRoom()
    const decide = hesitate('slow')
    const slow = [trySend(room, 'slow'), trySend(room, 'slow')]
    await vi.waitFor(() => expect(asked()).toBe(2), { timeout: 20_000 })
    expect(await ingest(room, await message(room, 'meanwhile'))).toEqual(['accepted'])
    await room.send(ALICE, { body: 'quick' })
    expect(await bodies(room)).toEqual(['meanwhile', 'quick'])
    decide()
    const [first, second] = (await Promise.all(slow)).map((outcome) => unwrap(outcome).eventId)
    expect(first).toBe(second)
    expect(await bodies(room)).toEqual(['meanwhile', 'quick', 'slow'])
    expect(await trySend(room, 'slow')).toEqual({ ok: true, value: { eventId: first } })
  })

  it('is not taken in where the rules have come to forbid it meanwhile', async () => {
    const room = await guardedRoom()
    const decide = hesitate('too late')
    const late = trySend(room, 'too late')
    await vi.waitFor(() => expect(asked()).toBe(1), { timeout: 20_000 })
    const leave = { action: 'leave', target: ALICE, content: {}, ownContent: false } as const
    unwrap(await room.stub.membership(caller(ALICE), leave))
    decide()
    expect(await late).toMatchObject({ ok: false, error: { errcode: 'M_FORBIDDEN' } })
    expect(asked()).toBe(2)
  })

  it('is state and memberships too, but not the event that names the policy server: a room can always do without', async () => {
    const room = await guardedRoom()
    await room.setState(ALICE, 'm.room.topic', '', { topic: 'x' })
    await room.setState(ALICE, 'm.room.member', ALICE, { membership: 'join', displayname: 'Alice' })
    await room.setState(ALICE, 'm.room.policy', 'another key', {})
    expect(asked()).toBe(3)
    refuse(400, { errcode: 'M_FORBIDDEN', error: 'no' })
    expect(await room.stub.prepareInvite(caller(ALICE), '@carol:remote.example', {})).toMatchObject({ ok: false, error: { error: 'no' } })
    await room.setState(ALICE, 'm.room.policy', '', { ...content(), public_keys: {} })
    const before = asked()
    await room.send(ALICE, { body: 'free again' })
    expect(asked()).toBe(before)
    expect(await bodies(room)).toEqual(['free again'])
  })

  it('keeps nobody in the room', async () => {
    const room = await guardedRoom()
    refuse(400, { errcode: 'M_FORBIDDEN', error: 'stay' })
    const leave = { action: 'leave', target: ALICE, content: {}, ownContent: false } as const
    expect(await room.stub.membership(caller(ALICE), leave)).toMatchObject({ ok: true })
    expect(await room.stub.isResident()).toBe(false)
  })
})

describe('E21: what other servers send into a room with a policy server', () => {
  it('is taken in with its signature, whoever has asked for it', async () => {
    const room = await guardedRoom()
    const signed = await message(room, 'signed')
    const pdu = cosignPdu(signed.pdu, roomRules, createSigner(policy.serverName, KEY, SEED))
    expect(await ingest(room, { ...signed, pdu })).toEqual(['accepted'])
    expect(asked()).toBe(0)
    const unsigned = await message(room, 'unsigned')
    expect(await ingest(room, unsigned)).toEqual(['accepted'])
    expect(asked()).toBe(1)
    expect(await bodies(room)).toEqual(['signed', 'unsigned'])
    const stored = unwrap(await room.stub.eventForServer('remote.example', unsigned.eventId))
    expect(stored.signatures).toEqual({ ...(unsigned.pdu.signatures as JsonObject), ...signatureOn(unsigned.pdu) })
  })

  it('is asked about once, and soft-failed where the policy server refuses or cannot be asked', async () => {
    const room = await guardedRoom()
    refuse(400, { errcode: 'M_FORBIDDEN', error: 'spam' })
    const spam = await message(room, 'spam')
    expect(await ingest(room, spam)).toEqual(['soft_failed'])
    expect(await ingest(room, spam)).toEqual(['known'])
    expect(asked()).toBe(1)
    internet.remove(`${policy.serverName}:8448`)
    const forged = await message(room, 'forged')
    const pdu = cosignPdu(forged.pdu, roomRules, createSigner(policy.serverName, KEY, new Uint8Array(32).fill(1)))
    expect(await ingest(room, { ...forged, pdu })).toEqual(['soft_failed'])
    expect(await bodies(room)).toEqual([])
    expect(await room.stub.eventForServer('remote.example', spam.eventId)).toMatchObject({ ok: false })
  })

  it('keeps the signature of its origin where that is the policy server (v1.19)', async () => {
    const room = await guardedRoom()
    const event = await message(room, 'from the bot', `@bot:${policy.serverName}`)
    expect(await ingest(room, event)).toEqual(['accepted'])
    const stored = unwrap(await room.stub.eventForServer('remote.example', event.eventId))
    const own = (event.pdu.signatures as JsonObject)[policy.serverName]
    expect(stored.signatures).toEqual({
      [policy.serverName]: { ...(own as JsonObject), ...(signatureOn(event.pdu)[policy.serverName] as JsonObject) },
    })
  })

  it('is not let in by it where the rules forbid it', async () => {
    const room = await guardedRoom()
    const { event } = (await branchOf(room, VERSION)).next(BOB, 'm.room.topic', { topic: 'mine' }, '')
    expect(await ingest(room, event)).toEqual(['rejected'])
  })

  it('is refused at the door where it is a join that the policy server refuses', async () => {
    const room = await guardedRoom()
    refuse(400, { errcode: 'M_FORBIDDEN', error: 'no' })
    const carol = '@carol:remote.example'
    const { event } = (await branchOf(room, VERSION)).next(carol, 'm.room.member', { membership: 'join' }, carol)
    const request = { action: 'join', eventId: event.eventId, pdu: event.pdu } as const
    expect(await room.stub.acceptMembership('remote.example', request, 'test')).toMatchObject({
      ok: false,
      error: { errcode: 'M_FORBIDDEN' },
    })
    policy.on('POST', SIGN, (sign) => Response.json(signatureOn(bodyOf(sign))))
    expect(await room.stub.acceptMembership('remote.example', request, 'test')).toMatchObject({ ok: true })
  })
})

describe('E21: a room does not use a policy server', () => {
  const cases: readonly [string, (room: LocalRoom) => Promise<unknown>][] = [
    ['that has not joined', async (room) => room.setState(ALICE, 'm.room.policy', '', content())],
    [
      'that has left',
      async (room) => {
        const bot = `@bot:${policy.serverName}`
        await join(room, bot)
        const { event } = (await branchOf(room, VERSION)).next(bot, 'm.room.member', { membership: 'leave' }, bot)
        await ingest(room, event)
        await room.setState(ALICE, 'm.room.policy', '', content())
      },
    ],
    [
      'of which it has no key',
      async (room) => {
        await join(room, `@bot:${policy.serverName}`)
        await room.setState(ALICE, 'm.room.policy', '', { ...content(), public_keys: { ed25519: 'AAAA' } })
      },
    ],
    ['that is this server', async (room) => room.setState(ALICE, 'm.room.policy', '', { ...content(), via: 'test.example' })],
  ]
  it.each(cases)('%s', async (_name, prepare) => {
    const room = await createLocalRoom(ALICE, VERSION)
    await join(room, BOB)
    await prepare(room)
    refuse(400, { errcode: 'M_FORBIDDEN', error: 'never asked' })
    await room.send(ALICE, { body: 'hello' })
    expect(await ingest(room, await message(room, 'hello back'))).toEqual(['accepted'])
    expect(asked()).toBe(0)
  })
})
