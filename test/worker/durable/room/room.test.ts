import { describe, expect, it } from 'vitest'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { caller, createLocalRoom } from '../../../support/local-room.ts'

const ALICE = '@alice:remote.example'
const BOB = '@bob:remote.example'

describe.each(['1', '5', '10', '11', '12'])('a room of version %s', (version) => {
  it('shows its creator what was sent, in order, with the state before it', async () => {
    const room = await createLocalRoom(ALICE, version)
    const first = await room.send(ALICE, { body: 'one' })
    const second = await room.send(ALICE, { body: 'two' })
    const window = await room.window(ALICE, { to: 1000, filter: '{"timeline":{"limit":2}}' })
    expect(window.timeline.events.map((event) => event.event_id)).toEqual([first, second])
    expect(window.timeline.limited).toBe(true)
    expect(window.state.events.map((event) => event.type).sort()).toEqual(
      ['m.room.create', 'm.room.join_rules', 'm.room.member', 'm.room.power_levels'].sort(),
    )
  })

  it('refuses whoever is not joined and lets in whom the join rules let in', async () => {
    const room = await createLocalRoom(ALICE, version)
    await expect(room.send(BOB, { body: 'hello' })).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    await room.setState(BOB, 'm.room.member', BOB, { membership: 'join' })
    await expect(room.send(BOB, { body: 'hello' })).resolves.toMatch(/^\$/)
    await expect(room.setState(BOB, 'm.room.power_levels', '', { users: { [BOB]: 100 } })).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
  })

  it('takes a transaction once, also when it comes twice in one batch', async () => {
    const room = await createLocalRoom(ALICE, version)
    const ids = await Promise.all(Array.from({ length: 20 }, () => room.send(ALICE, { body: 'once' }, 'txn1')))
    expect(new Set(ids).size).toBe(1)
    const window = await room.window(ALICE, { to: 1000, filter: '{"timeline":{"types":["m.room.message"]}}' })
    expect(window.timeline.events).toHaveLength(1)
  })

  it('shows a leaver nothing that came after', async () => {
    const room = await createLocalRoom(ALICE, version)
    await room.setState(BOB, 'm.room.member', BOB, { membership: 'join' })
    await room.send(ALICE, { body: 'seen' })
    await room.setState(BOB, 'm.room.member', BOB, { membership: 'leave' })
    const hidden = await room.send(ALICE, { body: 'hidden' })
    const messages = JSON.parse(
      unwrap(await room.stub.messages(caller(BOB), { from: undefined, to: undefined, dir: 'b', limit: 50, filter: undefined })).json,
    )
    const bodies = messages.chunk.map((event: { content: { body?: string } }) => event.content.body)
    expect(bodies).toContain('seen')
    expect(bodies).not.toContain('hidden')
    expect(await room.stub.event(caller(BOB), { eventId: hidden })).toMatchObject({ ok: false, error: { errcode: 'M_NOT_FOUND' } })
  })

  it('redacts on every read path', async () => {
    const room = await createLocalRoom(ALICE, version)
    const target = await room.send(ALICE, { body: 'secret' })
    unwrap(
      await room.stub.send(caller(ALICE), { type: 'm.room.redaction', stateKey: undefined, content: {}, txn: undefined, redacts: target }),
    )
    const event = JSON.parse(unwrap(await room.stub.event(caller(ALICE), { eventId: target })))
    expect(event.content).toEqual({})
    expect(event.unsigned.redacted_because.redacts).toBe(target)
  })
})

it('pages through everything without a gap or a double', async () => {
  const room = await createLocalRoom(ALICE)
  const sent: string[] = []
  for (let n = 0; n < 120; n += 1) sent.push(await room.send(ALICE, { body: String(n) }))
  const seen: string[] = []
  let from: string | undefined
  for (let page = 0; page < 100; page += 1) {
    const answer = JSON.parse(
      unwrap(await room.stub.messages(caller(ALICE), { from, to: undefined, dir: 'b', limit: 7, filter: undefined })).json,
    )
    seen.push(...answer.chunk.map((event: { event_id: string }) => event.event_id))
    from = answer.end
    if (from === undefined) break
  }
  expect(seen.slice(0, 120)).toEqual([...sent].reverse())
  expect(new Set(seen).size).toBe(seen.length)
})
