import { describe, expect, it } from 'vitest'
import { createEvent } from '../../../../src/matrix/events/create-event.ts'
import { referencedIds } from '../../../../src/matrix/events/read-event.ts'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../src/matrix/json.ts'
import { findRoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { createSigner } from '../../../../src/matrix/signing.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { createLocalRoom, type LocalRoom } from '../../../support/local-room.ts'
import { branchOf } from '../../../support/room-branch.ts'

const ALICE = '@alice:test.example'
const BOB = '@bob:remote.example'
const REMOTE = 'remote.example'
const STRANGER = 'stranger.example'
const VERSIONS = ['1', '5', '10', '11', '12']

let completed = 0

/** The hashes beside the IDs of references in versions 1 and 2. */
function hashesOf(references: JsonValue | undefined): [string, string][] {
  if (!Array.isArray(references)) return []
  return references.flatMap((pair): [string, string][] => (Array.isArray(pair) ? [[String(pair[0]), String(pair[1].sha256)]] : []))
}

/** A template completed, hashed and signed as the joining server would. */
function complete(
  version: string,
  template: JsonObject,
  change: Partial<{ content: JsonObject; sender: string; stateKey: string }> = {},
): RoomEvent {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(version)
  completed += 1
  const prevEvents = referencedIds(template.prev_events)
  const authEvents = referencedIds(template.auth_events)
  const sender = change.sender ?? String(template.sender)
  return createEvent(
    {
      roomId: String(template.room_id),
      // Chosen in versions 1 and 2, whose references are pairs.
      eventId: `$completed${completed}:${REMOTE}`,
      referenceHashes: new Map([...hashesOf(template.prev_events), ...hashesOf(template.auth_events)]),
      type: String(template.type),
      stateKey: change.stateKey ?? String(template.state_key),
      sender,
      content: change.content ?? (isJsonObject(template.content) ? template.content : {}),
      originServerTs: 3000,
      depth: Number(template.depth),
      prevEvents,
      authEvents,
    },
    rules,
    createSigner(REMOTE, 'ed25519:test', new Uint8Array(32).fill(5)),
  )
}

async function template(room: LocalRoom, action: 'join' | 'leave' | 'knock', userId = BOB, serverName = REMOTE): Promise<JsonObject> {
  const answer = unwrap(await room.stub.membershipTemplate(serverName, { action, userId, versions: VERSIONS }))
  if (!('event' in answer)) throw new Error('conditions')
  return answer.event
}

async function joinBob(room: LocalRoom, version: string): Promise<RoomEvent> {
  const event = complete(version, await template(room, 'join'))
  const answer = unwrap(await room.stub.acceptMembership(REMOTE, { action: 'join', eventId: event.eventId, pdu: event.pdu }, 'test'))
  expect('pdu' in answer).toBe(true)
  return event
}

const refusal = (errcode: string) => ({ ok: false, error: { errcode } })

describe.each(VERSIONS)('a room of version %s on this server, for other servers', (version) => {
  it('F11: takes in a join made from its template, with the state before it, and passes it on to others', async () => {
    const room = await createLocalRoom(ALICE, version)
    const event = complete(version, await template(room, 'join'))
    const request = { action: 'join', eventId: event.eventId, pdu: event.pdu } as const
    const answer = unwrap(await room.stub.acceptMembership(REMOTE, request, 'test'))
    if (!('pdu' in answer)) throw new Error('conditions')
    expect(answer.before?.state).toHaveLength(4)
    expect(answer.before?.state).not.toContain(event.eventId)
    // Repeated: the same answer, no second event.
    expect(await room.stub.acceptMembership(REMOTE, request, 'test')).toEqual({ ok: true, value: answer })
    const pdus = unwrap(await room.stub.pdusById(answer.before?.authChain ?? []))
    expect(JSON.parse(`[${pdus}]`).map(({ type }: { type: string }) => type)).toContain('m.room.create')
    await room.send(ALICE, { body: 'hello' })
    const forBob = await room.stub.eventsForServer(REMOTE, 0, 50)
    expect(forBob.pdus.map((pdu) => JSON.parse(pdu).content.body)).toEqual(['hello'])
    expect((await room.stub.eventsForServer(REMOTE, forBob.nextPos, 50)).pdus).toEqual([])
    expect((await room.stub.eventsForServer(STRANGER, 0, 50)).pdus).toEqual([])
  })

  it("F11: refuses what is not the sender's own join as the path names it, and stores nothing", async () => {
    const room = await createLocalRoom(ALICE, version)
    const join = await template(room, 'join')
    const accept = (
      event: RoomEvent,
      changes: { serverName?: string; eventId?: string; pdu?: JsonObject; action?: 'join' | 'leave' } = {},
    ) =>
      room.stub.acceptMembership(
        changes.serverName ?? REMOTE,
        { action: changes.action ?? 'join', eventId: changes.eventId ?? event.eventId, pdu: changes.pdu ?? event.pdu },
        'test',
      )
    const good = complete(version, join)
    expect(await accept(good, { serverName: STRANGER })).toMatchObject(refusal('M_FORBIDDEN'))
    expect(await accept(good, { eventId: '$other' })).toMatchObject(refusal('M_INVALID_PARAM'))
    expect(await accept(good, { action: 'leave' })).toMatchObject(refusal('M_INVALID_PARAM'))
    expect(await accept(complete(version, join, { stateKey: '@eve:remote.example' }))).toMatchObject(refusal('M_INVALID_PARAM'))
    expect(await accept(complete(version, join, { content: { membership: 'invite' } }))).toMatchObject(refusal('M_INVALID_PARAM'))
    expect(await accept(good, { pdu: { ...good.pdu, content: { membership: 'join', displayname: 'x' } } })).toMatchObject({ ok: false })
    const nowhere = version === '1' ? [['$unknown', { sha256: 'A'.repeat(43) }]] : ['$unknown']
    const unknown = complete(version, { ...join, prev_events: nowhere })
    expect(await accept(unknown)).toMatchObject(refusal('M_INVALID_PARAM'))
    expect(await room.stub.eventForServer(REMOTE, good.eventId)).toMatchObject(refusal('M_FORBIDDEN'))
    await joinBob(room, version)
    expect(await room.stub.eventForServer(REMOTE, unknown.eventId)).toMatchObject(refusal('M_NOT_FOUND'))
  })

  it('F11: lets nobody in who is banned or not invited', async () => {
    const room = await createLocalRoom(ALICE, version)
    const early = complete(version, await template(room, 'join'))
    await room.setState(ALICE, 'm.room.member', BOB, { membership: 'ban' })
    expect(await room.stub.membershipTemplate(REMOTE, { action: 'join', userId: BOB, versions: VERSIONS })).toMatchObject(
      refusal('M_FORBIDDEN'),
    )
    // Made before the ban: allowed where it says it is, but not now.
    const request = { action: 'join', eventId: early.eventId, pdu: early.pdu } as const
    expect(await room.stub.acceptMembership(REMOTE, request, 'test')).toMatchObject(refusal('M_FORBIDDEN'))
  })

  it('refuses versions that the other server does not know, users of other servers, and rooms that nobody here is in', async () => {
    const room = await createLocalRoom(ALICE, version)
    const ask = (request: object) => room.stub.membershipTemplate(REMOTE, { action: 'join', userId: BOB, versions: VERSIONS, ...request })
    expect(await ask({ versions: ['another'] })).toMatchObject({
      ok: false,
      error: { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', fields: { room_version: version } },
    })
    expect(await ask({ userId: '@bob:stranger.example' })).toMatchObject(refusal('M_FORBIDDEN'))
    await room.setState(ALICE, 'm.room.member', ALICE, { membership: 'leave' })
    expect(await ask({})).toMatchObject(refusal('M_NOT_FOUND'))
  })

  it('F13: tells servers that are not in the room nothing, whatever they ask for', async () => {
    const room = await createLocalRoom(ALICE, version)
    const eventId = await room.send(ALICE, { body: 'secret' })
    const { stub } = room
    const answers = [
      await stub.eventForServer(STRANGER, eventId),
      await stub.eventForServer(STRANGER, '$nothing'),
      await stub.backfillForServer(STRANGER, [eventId], 10),
      await stub.missingEventsForServer(STRANGER, { earliest: [], latest: [eventId], limit: 10, minDepth: 0 }),
      await stub.stateIdsForServer(STRANGER, eventId),
      await stub.eventAuthForServer(STRANGER, eventId),
    ]
    for (const answer of answers) expect(answer).toMatchObject(refusal('M_FORBIDDEN'))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  })

  it('F14: redacts for a server what was sent while the history was not for it', async () => {
    const room = await createLocalRoom(ALICE, version, [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }])
    const before = await room.send(ALICE, { body: 'before' })
    await joinBob(room, version)
    const after = await room.send(ALICE, { body: 'after' })
    const body = async (eventId: string): Promise<unknown> => {
      const { content } = unwrap(await room.stub.eventForServer(REMOTE, eventId))
      return isJsonObject(content) ? content.body : undefined
    }
    expect(await body(after)).toBe('after')
    expect(await body(before)).toBeUndefined()
    const page = unwrap(await room.stub.backfillForServer(REMOTE, [after], 100))
    expect(page.map(({ content }) => isJsonObject(content) && content.body)).toEqual([
      'after',
      ...new Array(page.length - 1).fill(undefined),
    ])
    const missing = unwrap(await room.stub.missingEventsForServer(REMOTE, { earliest: [], latest: [after], limit: 2, minDepth: 0 }))
    expect(missing.map(({ type }) => type)).toEqual(['m.room.message', 'm.room.member'])
  })

  it('tells what is missing to a server whose graph has any number of ends', async () => {
    const room = await createLocalRoom(ALICE, version)
    await joinBob(room, version)
    const sent: string[] = []
    for (let n = 0; n < 4; n += 1) sent.push(await room.send(ALICE, { body: String(n) }))
    const [first = '', , , latest = ''] = sent
    const strangers = Array.from({ length: 3_000 }, (_, n) => `$${String(n).padStart(43, '0')}`)
    const earliest = [first, ...strangers]
    const missing = unwrap(await room.stub.missingEventsForServer(REMOTE, { earliest, latest: [latest], limit: 10, minDepth: 0 }))
    expect(missing.map(({ content }) => isJsonObject(content) && content.body)).toEqual(['1', '2'])
    const many = unwrap(
      await room.stub.missingEventsForServer(REMOTE, { earliest: [first], latest: [latest, ...strangers], limit: 10, minDepth: 0 }),
    )
    expect(many).toEqual(missing)
    expect(unwrap(await room.stub.backfillForServer(REMOTE, [latest, ...strangers], 2))).toHaveLength(2)
  })

  it('F15: refuses servers that the access control list denies, in whatever case they are written', async () => {
    const room = await createLocalRoom(ALICE, version)
    await joinBob(room, version)
    const eventId = await room.send(ALICE, { body: 'x' })
    await room.setState(ALICE, 'm.room.server_acl', '', { allow: ['*'], deny: ['REMOTE.example'] })
    expect(await room.stub.eventForServer(REMOTE, eventId)).toMatchObject(refusal('M_FORBIDDEN'))
    expect(await room.stub.membershipTemplate(REMOTE, { action: 'leave', userId: BOB, versions: VERSIONS })).toMatchObject(
      refusal('M_FORBIDDEN'),
    )
    const later = await room.send(ALICE, { body: 'after the denial' })
    const { pdus } = await room.stub.eventsForServer(REMOTE, 0, 50)
    expect(pdus.join()).not.toContain('after the denial')
    expect(pdus.map((pdu) => JSON.parse(pdu).type)).toContain('m.room.server_acl')
    expect(later).toBeDefined()
  })

  it.skipIf(['1', '5'].includes(version))('F12: vouches for a restricted join only while a condition holds', async () => {
    const room = await createLocalRoom(ALICE, version)
    const allow = [{ type: 'm.room_membership', room_id: '!club:test.example' }]
    await room.setState(ALICE, 'm.room.join_rules', '', { join_rule: 'restricted', allow })
    const ask = (conditions?: { memberOf: readonly string[]; incomplete: boolean }) =>
      room.stub.membershipTemplate(REMOTE, { action: 'join', userId: BOB, versions: VERSIONS, ...(conditions && { conditions }) })
    expect(unwrap(await ask())).toEqual({ needsMembershipIn: ['!club:test.example'] })
    expect(await ask({ memberOf: [], incomplete: false })).toMatchObject(refusal('M_FORBIDDEN'))
    expect(await ask({ memberOf: [], incomplete: true })).toMatchObject(refusal('M_UNABLE_TO_AUTHORISE_JOIN'))
    const made = unwrap(await ask({ memberOf: ['!club:test.example'], incomplete: false }))
    if (!('event' in made)) throw new Error('conditions')
    const event = complete(version, made.event)
    expect(event.content.join_authorised_via_users_server).toBe(ALICE)
    const send = (conditions?: { memberOf: readonly string[]; incomplete: boolean }) =>
      room.stub.acceptMembership(
        REMOTE,
        { action: 'join', eventId: event.eventId, pdu: event.pdu, ...(conditions && { conditions }) },
        'test',
      )
    expect(unwrap(await send())).toEqual({ needsMembershipIn: ['!club:test.example'] })
    expect(await send({ memberOf: [], incomplete: false })).toMatchObject(refusal('M_FORBIDDEN'))
    const done = unwrap(await send({ memberOf: ['!club:test.example'], incomplete: false }))
    if (!('pdu' in done)) throw new Error('conditions')
    expect(Object.keys(isJsonObject(done.pdu.signatures) ? done.pdu.signatures : {}).sort()).toEqual([REMOTE, 'test.example'])
  })

  it('tells the server of whoever it removes, and nothing that comes after', async () => {
    const room = await createLocalRoom(ALICE, version)
    await joinBob(room, version)
    await room.setState(ALICE, 'm.room.member', BOB, { membership: 'leave', reason: 'out' })
    await room.send(ALICE, { body: 'among us' })
    const { pdus } = await room.stub.eventsForServer(REMOTE, 0, 50)
    expect(pdus.map((pdu) => JSON.parse(pdu).content.reason)).toEqual(['out'])
  })

  it('takes in what a remote user sends, but does not pass it on', async () => {
    const room = await createLocalRoom(ALICE, version)
    await joinBob(room, version)
    const next = (await branchOf(room, version)).next(BOB, 'm.room.message', { body: 'hi' })
    unwrap(await room.stub.ingest({ origin: REMOTE, pdus: [next.event.pdu] }, 'test'))
    expect((await room.stub.eventsForServer(REMOTE, 0, 50)).pdus).toEqual([])
  })
})
