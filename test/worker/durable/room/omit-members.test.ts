import { describe, expect, it } from 'vitest'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { createLocalRoom } from '../../../support/local-room.ts'
import { branchOf } from '../../../support/room-branch.ts'

const ALICE = '@alice:test.example'
const PDUS_PER_CALL = 100

/** A public room of this server with members of other servers, and a join of one more. */
async function prepare(members: number) {
  const room = await createLocalRoom(ALICE, '11')
  let branch = await branchOf(room, '11')
  const joins: RoomEvent[] = []
  for (let index = 0; index < members; index += 1) {
    const userId = `@member${index}:server${index % 7}.example`
    const next = branch.next(userId, 'm.room.member', { membership: 'join' }, userId)
    joins.push(next.event)
    branch = next.branch
  }
  for (let start = 0; start < joins.length; start += PDUS_PER_CALL) {
    const pdus = joins.slice(start, start + PDUS_PER_CALL).map(({ pdu }) => pdu)
    unwrap(await room.stub.ingest({ origin: 'server0.example', pdus }, 'test'))
  }
  const join = branch.next('@zoe:new.example', 'm.room.member', { membership: 'join' }, '@zoe:new.example')
  const answerTo = async (omitMembers: boolean) => {
    const request = { action: 'join', eventId: join.event.eventId, pdu: join.event.pdu, omitMembers } as const
    const answer = unwrap(await room.stub.acceptMembership('new.example', request, 'test'))
    if (!('before' in answer) || answer.before === undefined) throw new Error('the join was not taken in')
    return { ...answer, before: answer.before }
  }
  return { branch, answerTo }
}

describe('the answer to a join whose server can do without members', () => {
  it('leaves those of a large room out, names the servers, and brings all that the rest rests on', async () => {
    const { branch, answerTo } = await prepare(201)
    const { before, servers } = await answerTo(true)
    const typeOf = new Map([...branch.state.values()].map(({ eventId, type }) => [eventId, type]))
    const members = before.state.filter((eventId) => typeOf.get(eventId) === 'm.room.member')
    // Those who name a room that has no name.
    expect(members).toHaveLength(5)
    expect(before.state.map((eventId) => typeOf.get(eventId))).toEqual(
      expect.arrayContaining(['m.room.create', 'm.room.join_rules', 'm.room.power_levels']),
    )
    expect(before.authChain.filter((eventId) => before.state.includes(eventId))).toEqual([])
    const here = new Set([...before.state, ...before.authChain])
    const rests = [...branch.state.values()].filter(({ eventId }) => here.has(eventId)).flatMap(({ authEvents }) => authEvents)
    expect(rests.filter((eventId) => !here.has(eventId))).toEqual([])
    expect([...(servers ?? [])].sort()).toEqual([
      'new.example',
      ...Array.from({ length: 7 }, (_, index) => `server${index}.example`),
      'test.example',
    ])
    const whole = await answerTo(false)
    expect(whole.servers).toBeUndefined()
    expect(whole.before.state).toHaveLength(branch.state.size)
  })

  it('is whole for a small room', async () => {
    const { branch, answerTo } = await prepare(3)
    const { before, servers } = await answerTo(true)
    expect(servers).toBeUndefined()
    expect(before.state).toHaveLength(branch.state.size)
  })
})
