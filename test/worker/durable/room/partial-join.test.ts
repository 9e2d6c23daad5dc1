import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it, vi } from 'vitest'
import { parsePdu } from '../../../../src/matrix/events/parse-pdu.ts'
import { findRoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { caller, roomStub } from '../../../support/local-room.ts'
import {
  ALICE,
  BOB,
  CAROL,
  type Copy,
  complete,
  EVE,
  ingest,
  isMember,
  joinPartially,
  LOCAL,
  prepare,
  send,
  staged,
  tellWhole,
} from '../../../support/partial-world.ts'

const LAZY = JSON.stringify({ state: { lazy_load_members: true }, timeline: { lazy_load_members: true } })

const joinedIn = (json: string): string[] => Object.keys(JSON.parse(json).joined).sort()
async function windowOf(copy: Copy, from: number | null, filter?: string) {
  const { head } = await copy.pull(LOCAL)
  const window = unwrap(
    await copy.window(caller(LOCAL), {
      from,
      to: head,
      section: 'join',
      fullState: false,
      useStateAfter: false,
      withMemberChanges: true,
      filter,
      ignoredUsers: [],
    }),
  )
  const events = (json: string): { type: string; state_key?: string }[] => JSON.parse(json).events
  const shown = [...events(window.state), ...events(window.timeline)]
  const members = shown.flatMap(({ type, state_key }) => (type === 'm.room.member' ? [state_key ?? ''] : []))
  return { ...window, head, members: [...new Set(members)].sort() }
}

describe.each(['10', '12'])('a room of version %s that is joined without its members', (version) => {
  it('can be spoken in at once, tells the servers that are said to be there, and is exact when its state has come', async () => {
    const world = await prepare(version)
    const { copy, join } = world
    await joinPartially(world, version)
    const sent = await send(copy, 'hello')
    expect(await copy.serversInRoom(10)).toEqual(['test.example', 'other.example', 'remote.example', 'third.example'])
    for (const server of ['other.example', 'third.example']) {
      const { pdus } = await copy.eventsForServer(server, 0, 50)
      expect(pdus.map((pdu) => JSON.parse(pdu).content.body)).toContain('hello')
    }
    const waiting = copy.joinedMembers(caller(LOCAL))
    await tellWhole(world, copy)
    await complete(copy)
    expect(joinedIn(unwrap(await waiting))).toEqual([ALICE, BOB, CAROL, LOCAL])
    const ids = unwrap(await copy.stateIdsForServer('other.example', sent)).state
    expect([...ids].sort()).toEqual([...join.branch.state.values()].map(({ eventId }) => eventId).sort())
    expect(await copy.stateIdsForServer('evil.example', sent)).toMatchObject({ ok: false, error: { errcode: 'M_FORBIDDEN' } })
    expect(unwrap(await copy.completionPlan()).next).toBe('done')
  })

  it('takes in what others say meanwhile, shows who said it, and takes it back where the whole state forbids it', async () => {
    const world = await prepare(version)
    const { copy, join, branch, evil } = world
    await joinPartially(world, version)
    await copy.bringOutliers({ pdus: [...branch.state.values(), world.eveJoined].filter(isMember).map(({ pdu }) => pdu) })
    const bob = join.branch.next(BOB, 'm.room.message', { body: 'from bob' })
    expect(await ingest(copy, bob.event)).toBe('accepted')
    const lazy = await windowOf(copy, null, LAZY)
    expect(lazy.members).toEqual([BOB, LOCAL])
    expect((await windowOf(copy, null)).withheld).toBe(true)
    // Cites the join from before the ban, which nobody here knows of yet.
    const atTip = bob.branch.mergedWith(evil.cutOff(), evil.state).next(EVE, 'm.room.message', { body: 'from eve' })
    expect(await ingest(copy, atTip.event)).toBe('accepted')
    const topic = atTip.branch.mergedWith(bob.branch.cutOff(), bob.branch.state).next(ALICE, 'm.room.topic', { topic: 'meanwhile' }, '')
    expect(await ingest(copy, topic.event)).toBe('accepted')
    await tellWhole(world, copy)
    await complete(copy)
    expect(joinedIn(unwrap(await copy.joinedMembers(caller(LOCAL))))).toEqual([ALICE, BOB, CAROL, LOCAL])
    expect(await copy.event(caller(LOCAL), { eventId: atTip.event.eventId })).toMatchObject({ ok: false })
    const eager = await windowOf(copy, lazy.head)
    expect(eager.members).toEqual([ALICE, BOB, CAROL, EVE, LOCAL])
    expect([...(eager.memberChanges?.joined ?? [])].sort()).toEqual([ALICE, BOB, CAROL, LOCAL])
    const name = unwrap(await copy.stateEvent(caller(LOCAL), { type: 'm.room.topic', stateKey: '', format: 'content' }))
    expect(JSON.parse(name)).toEqual({ topic: 'meanwhile' })
    // The log says what a whole answer would have made it say: nobody "came" when the state did.
    const log = await runInDurableObject(copy, (_object, ctx) =>
      ctx.storage.sql
        .exec<{ state_key: string; pos: number }>(
          "SELECT k.state_key, l.pos FROM state_log l JOIN state_keys k ON k.kid = l.kid WHERE k.type = 'm.room.member' AND l.pos > (SELECT state_pos FROM partial_room) ORDER BY l.pos",
        )
        .toArray(),
    )
    expect(log.map(({ state_key }) => state_key)).toEqual([LOCAL, EVE])
  })

  it('lets nobody in and tells no state before its own is whole', async () => {
    const world = await prepare(version)
    const { copy, join } = world
    await joinPartially(world, version)
    const request = { userId: '@dan:other.example', versions: [version] }
    for (const action of ['join', 'knock'] as const) {
      expect(await copy.membershipTemplate('other.example', { ...request, action })).toMatchObject({ error: { errcode: 'M_NOT_FOUND' } })
    }
    expect(await copy.stateIdsForServer('other.example', join.event.eventId)).toMatchObject({ error: { errcode: 'M_FORBIDDEN' } })
    await tellWhole(world, copy)
    await complete(copy)
    expect(await copy.membershipTemplate('other.example', { ...request, action: 'join' })).toMatchObject({ ok: true })
  })

  it('goes on wherever the object ends', async () => {
    const world = await prepare(version)
    await joinPartially(world, version)
    const again = async (): Promise<Copy> => {
      await roomStub(world.room.roomId)
        .abortForTest()
        .catch(() => undefined)
      return roomStub(world.room.roomId)
    }
    await send(await again(), 'one')
    const state = [...world.branch.state.values()]
    unwrap(await roomStub(world.room.roomId).stageWhole(staged([...state, world.eveJoined], false), true))
    await again()
    await tellWhole(world, roomStub(world.room.roomId))
    for (;;) {
      const copy = await again()
      if (unwrap(await copy.advanceCompletion()) === 'done') break
    }
    const copy = await again()
    await send(copy, 'two')
    expect(joinedIn(unwrap(await copy.joinedMembers(caller(LOCAL))))).toEqual([ALICE, BOB, CAROL, LOCAL])
    const rest = await runInDurableObject(copy, (_object, ctx) =>
      ['incomplete_events', 'told_states', 'resident_servers', 'import_staging'].map(
        (table) => ctx.storage.sql.exec(`SELECT * FROM ${table}`).toArray().length,
      ),
    )
    expect(rest).toEqual([0, 0, 0, 0])
  })

  it.each(['without', 'with'] as const)(
    'by a second user, %s its members: who had left is not joined again, and other servers hear of it',
    async (how) => {
      const world = await prepare(version)
      const { room, copy, join } = world
      await joinPartially(world, version)
      await tellWhole(world, copy)
      await complete(copy)
      unwrap(await copy.membership(caller(LOCAL), { action: 'leave', target: LOCAL, content: {}, ownContent: false }))
      expect(await copy.isResident()).toBe(false)
      const leavesTold = async (): Promise<number> => {
        const { pdus } = await copy.eventsForServer('other.example', 0, 50)
        return pdus.map((pdu) => JSON.parse(pdu)).filter(({ sender, content }) => sender === LOCAL && content.membership === 'leave').length
      }
      expect(await leavesTold()).toBe(1)
      // Nobody else has heard of that, and lets another user of this server in.
      const amy = '@amy:test.example'
      const second = { ...world, branch: join.branch, join: join.branch.next(amy, 'm.room.member', { membership: 'join' }, amy) }
      if (how === 'without') {
        await joinPartially(second, version, copy, 'gen2')
        await tellWhole(second, copy)
        await complete(copy)
      } else {
        unwrap(await copy.beginImport({ roomId: room.roomId, version, generation: 'gen2' }))
        const state = [...second.branch.state.values()]
        unwrap(await copy.stageImport('gen2', [...staged(state, true), ...staged([...world.chain, world.eveJoined], false)]))
        while (!unwrap(await copy.advanceImport('gen2')).isDone);
        unwrap(await copy.finishImport({ generation: 'gen2', join: second.join.event.pdu, omitted: undefined }, 'test'))
      }
      await vi.waitFor(async () => expect(joinedIn(unwrap(await copy.joinedMembers(caller(amy))))).toEqual([ALICE, amy, BOB, CAROL]), {
        timeout: 20_000,
      })
      expect(await leavesTold()).toBe(2)
    },
  )

  it('can be left and joined again before its state has come', async () => {
    const world = await prepare(version)
    const { room, copy, join } = world
    await joinPartially(world, version)
    const leave = { action: 'leave', target: LOCAL, content: {}, ownContent: false } as const
    unwrap(await copy.membership(caller(LOCAL), leave))
    const { pdus } = await copy.eventsForServer('other.example', 0, 50)
    const left = pdus.map((pdu) => JSON.parse(pdu)).find(({ content }) => content.membership === 'leave')
    // The other server builds the second join on what it was sent.
    const rules = findRoomVersionRules(version)
    const parsed = rules && parsePdu(left, rules, room.roomId)
    if (parsed?.ok !== true) throw new Error('the leave is malformed')
    const afterLeave = join.branch.with(parsed.event)
    const again = { ...world, join: afterLeave.next(LOCAL, 'm.room.member', { membership: 'join' }, LOCAL) }
    await joinPartially(again, version, copy, 'gen2')
    expect(unwrap(await copy.completionPlan()).untold?.eventId).toBe(join.event.eventId)
    await tellWhole(world, copy)
    await complete(copy)
    expect(joinedIn(unwrap(await copy.joinedMembers(caller(LOCAL))))).toEqual([ALICE, BOB, CAROL, LOCAL])
  })
})
