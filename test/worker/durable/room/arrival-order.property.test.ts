import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CreateRoomRequest } from '../../../../src/durable/room/create-room.ts'
import { createEvent } from '../../../../src/matrix/events/create-event.ts'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { findRoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { createSigner } from '../../../../src/matrix/signing.ts'
import { configOf } from '../../../../src/runtime/config.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { caller, roomStub } from '../../../support/local-room.ts'
import type { RemoteBranch } from '../../../support/remote-events.ts'
import { branchOf } from '../../../support/room-branch.ts'

const ALICE = '@alice:remote.example'
const USERS = ['@bob:remote.example', '@carol:other.example', '@dave:third.example'] as const
const SERVERS = ['remote.example', 'other.example', 'third.example'] as const

let counter = 0

/** A request that founds a room; making it twice makes the same room, event for event. */
function founding(version: string): CreateRoomRequest {
  counter += 1
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(version)
  const config = configOf(env)
  const creator = ALICE
  const { roomId, pdu } = createEvent(
    {
      roomId: rules.roomIdIsCreateHash ? undefined : `!order${counter}:remote.example`,
      type: 'm.room.create',
      stateKey: '',
      sender: creator,
      content: { room_version: version, n: counter, ...(rules.implicitCreator ? {} : { creator }) },
      originServerTs: 1000 + counter,
      depth: 1,
      prevEvents: [],
      authEvents: [],
    },
    rules,
    createSigner(config.serverName, config.signingKey.keyId, config.signingKey.seed),
  )
  const state = (type: string, stateKey: string, content: Record<string, string | number>) => ({ type, stateKey, sender: creator, content })
  return {
    roomId,
    version,
    generation: 'order',
    createPdu: pdu,
    creator,
    initialEvents: [
      state('m.room.member', creator, { membership: 'join' }),
      state('m.room.power_levels', '', { users_default: 50, state_default: 50 }),
      state('m.room.join_rules', '', { join_rule: 'public' }),
    ],
    originServerTs: 1000 + counter,
  }
}

/** One step of the room's history: who does what, on which of the lines that there are, and whether lines meet. */
const step = fc.record({
  user: fc.nat(USERS.length - 1),
  line: fc.nat(20),
  other: fc.nat(20),
  kind: fc.constantFrom('say', 'topic', 'name', 'mark', 'fork', 'merge'),
})

/** The events of a history, in an order in which each comes after what it builds on, and an event on top of all. */
function historyOf(start: RemoteBranch, steps: readonly { user: number; line: number; other: number; kind: string }[]): RoomEvent[] {
  const events: RoomEvent[] = []
  let base = start
  for (const user of USERS) {
    const joined = base.next(user, 'm.room.member', { membership: 'join' }, user)
    events.push(joined.event)
    base = joined.branch
  }
  const lines: RemoteBranch[] = [base, base]
  for (const [n, { user, line, other, kind }] of steps.entries()) {
    const at = line % lines.length
    const sender = USERS[user] ?? ALICE
    let branch = lines[at] ?? base
    if (kind === 'fork' && lines.length < 5) lines.push(branch)
    const second = lines[other % lines.length]
    // The state that it claims is that of one side; what the rules make of both is the room's to find out.
    if (kind === 'merge' && second !== undefined && second.tips[0]?.eventId !== branch.tips[0]?.eventId) branch = branch.mergedWith(second)
    const stateful = kind === 'topic' || kind === 'name' || kind === 'mark'
    const type = stateful ? (kind === 'mark' ? 'org.example.mark' : `m.room.${kind}`) : 'm.room.message'
    const next = branch.next(sender, type, { n }, stateful ? (kind === 'mark' ? `${n % 3}` : '') : undefined)
    events.push(next.event)
    lines[at] = next.branch
  }
  return events
}

interface Result {
  readonly state: readonly string[]
  readonly statuses: readonly string[]
  readonly staged: number
}

/** What becomes of the room when the events arrive in an order, a few at a time, from servers in turn. */
async function play(request: CreateRoomRequest, events: readonly RoomEvent[], perCall: number): Promise<Result> {
  const { roomId } = request
  for (let start = 0, turn = 0; start < events.length; start += perCall, turn += 1) {
    const pdus = events.slice(start, start + perCall).map(({ pdu }) => pdu)
    unwrap(await roomStub(roomId).ingest({ origin: SERVERS[turn % SERVERS.length] ?? '', pdus }, 'test'))
  }
  return await runInDurableObject(roomStub(roomId), (_room, ctx): Result => {
    const list = (query: string): string[] => [...ctx.storage.sql.exec(query).raw()].map((row) => row.join(' ')).sort()
    return {
      state: list(
        'SELECT k.type, k.state_key, e.event_id FROM current_state c JOIN state_keys k ON k.kid = c.kid JOIN events e ON e.nid = c.nid',
      ),
      statuses: list('SELECT event_id, status FROM events'),
      staged: list('SELECT event_id FROM staged').length,
    }
  })
}

async function found(request: CreateRoomRequest): Promise<void> {
  unwrap(await roomStub(request.roomId).create(caller(ALICE), request))
}

/** The room has never been. */
async function forget(roomId: string): Promise<void> {
  await runInDurableObject(roomStub(roomId), (_object, ctx) => ctx.storage.deleteAll())
  await roomStub(roomId)
    .abortForTest()
    .catch(() => undefined)
}

describe.each(['10', '12'])('a room of version %s', (version) => {
  it('comes to the same state, and takes every event, whatever the order in which they arrive', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 40 }),
        fc.infiniteStream(fc.nat(1_000_000)),
        fc.integer({ min: 1, max: 7 }),
        async (steps, order, perCall) => {
          const request = founding(version)
          await found(request)
          const events = historyOf(await branchOf({ roomId: request.roomId, stub: roomStub(request.roomId) }, version), steps)
          const inOrder = await play(request, events, 50)
          expect(inOrder.statuses.filter((row) => !row.endsWith(' 0'))).toEqual([])
          await forget(request.roomId)
          await found(request)
          const keys = new Map(events.map((event) => [event, order.next().value ?? 0]))
          const shuffled = [...events].sort((left, right) => (keys.get(left) ?? 0) - (keys.get(right) ?? 0))
          const result = await play(request, shuffled, perCall)
          expect(result.staged).toBe(0)
          expect(result).toEqual(inOrder)
        },
      ),
      { numRuns: 15 },
    )
  })
})
