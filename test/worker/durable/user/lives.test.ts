import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { logIn, type TestSession } from '../../../support/api-client.ts'
import { inOneRoom, parked, userOf } from '../../../support/parked-polls.ts'
import { createRoom, join, ok, say } from '../../../support/room-api.ts'
import { bodiesOf, followUntil, sync } from '../../../support/sync-api.ts'

/*
 * What tokens of earlier lives of the object mean (docs/design/feed.md, "Tokens").
 */

/** The object ends as in a crash: what it had not written is gone. */
async function end(who: TestSession): Promise<void> {
  await userOf(who)
    .abortForTest()
    .catch(() => undefined)
}

describe('a token of a life that ended before it wrote its feed', () => {
  it('is good at once: every room is asked where it is', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    ok(await say(alice, roomId, 'one'))
    const { bodies, next } = await followUntil(bob, since, roomId, 1)
    expect(bodies).toEqual(['one'])
    await end(bob)
    ok(await say(alice, roomId, 'two'))
    await end(bob)
    // Nobody has rung the new life; events may come again, but none may be missing.
    const answer = await sync(bob, next)
    expect(bodiesOf(answer, roomId)).toContain('two')
    expect((await sync(bob, answer.next_batch)).rooms.join).toEqual({})
  })

  it('wakes a waiting poll of that life, which asks again', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const waiting = sync(bob, since, { timeout: 20_000 })
    await parked(bob, 1)
    await end(bob)
    ok(await say(alice, roomId, 'after the end'))
    const answer = await waiting
    const bodies = bodiesOf(answer, roomId)
    const rest = bodies.length > 0 ? bodies : (await followUntil(bob, answer.next_batch, roomId, 1)).bodies
    expect(rest).toEqual(['after the end'])
  })
})

describe('tokens of two lives ago', () => {
  it('bring every device everything, each from where it was', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const other = await logIn(bob.localpart)
    const theirs = (await sync(other)).next_batch
    ok(await say(alice, roomId, 'one'))
    const mine = await followUntil(bob, since, roomId, 1)
    await end(bob)
    ok(await say(alice, roomId, 'two'))
    // A life in between issues tokens of its own, whose numbers mean something else.
    const between = await logIn(bob.localpart)
    await followUntil(between, (await sync(between)).next_batch, roomId, 0)
    const second = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, second))
    await end(bob)
    ok(await say(alice, roomId, 'three'))
    const forMe = await sync(bob, mine.next)
    expect([...new Set([...mine.bodies, ...bodiesOf(forMe, roomId)])]).toEqual(['one', 'two', 'three'])
    expect(Object.keys(forMe.rooms.join)).toContain(second)
    const forThem = await sync(other, theirs)
    expect(bodiesOf(forThem, roomId)).toEqual(['one', 'two', 'three'])
    expect(Object.keys(forThem.rooms.join)).toContain(second)
    // The same token again says the same again.
    expect(bodiesOf(await sync(other, theirs), roomId)).toEqual(['one', 'two', 'three'])
  })
})

describe('what is committed when', () => {
  it('a hint commits nothing, a burst is one commit when the rooms settle, and settling again costs nothing', async () => {
    const { alice, bob, since } = await inOneRoom()
    const other = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, other))
    await sync(bob, since)
    const stub = userOf(bob)
    const rows = () =>
      runInDurableObject(stub, (_user, ctx) =>
        ctx.storage.sql.exec<{ room_id: string; generation: string; last_pos: number }>('SELECT * FROM rooms').toArray(),
      )
    const before = await rows()
    const commits = costTotals().commit ?? 0
    for (let round = 1; round <= 20; round += 1) {
      for (const { room_id, generation, last_pos } of before) {
        expect(await stub.hint({ roomId: room_id, generation, head: last_pos + round })).toEqual({
          member: true,
          durablePos: last_pos,
          awake: true,
        })
      }
    }
    expect(costTotals().commit).toBe(commits)
    for (const { room_id, generation, last_pos } of before) {
      expect(await stub.settle({ roomId: room_id, generation, head: last_pos + 20 })).toEqual({
        member: true,
        durablePos: last_pos + 20,
        awake: true,
      })
    }
    expect(costTotals().commit).toBe(commits + 1)
    expect((await rows()).map(({ last_pos }) => last_pos)).toEqual(before.map(({ last_pos }) => last_pos + 20))
  })

  it('a hint of a room that the user is not in is answered so, and changes nothing', async () => {
    const { bob } = await inOneRoom()
    expect(await userOf(bob).hint({ roomId: '!other:test.example', generation: 'g', head: 7 })).toEqual({
      member: false,
      durablePos: 0,
      awake: true,
    })
  })

  it('a sleeper commits one mark for a room, and sleeps through what else it says until somebody polls', async () => {
    const { bob, roomId, since } = await inOneRoom()
    await sync(bob, since)
    await end(bob)
    const stub = userOf(bob)
    const [{ generation, last_pos } = { generation: '', last_pos: 0 }] = await runInDurableObject(stub, (_user, ctx) =>
      ctx.storage.sql.exec<{ generation: string; last_pos: number }>('SELECT * FROM rooms WHERE room_id = ?', roomId).toArray(),
    )
    const at = (head: number) => ({ roomId, generation, head })
    const commits = costTotals().commit ?? 0
    expect(await stub.hint(at(last_pos + 1))).toEqual({ member: true, durablePos: last_pos, awake: true, dozing: true })
    expect(await stub.settle(at(last_pos + 1))).toEqual({ member: true, durablePos: last_pos + 1, awake: false })
    expect(costTotals().commit).toBe(commits + 1)
    const slept = { member: true, durablePos: last_pos + 1, awake: false }
    expect(await stub.hint(at(last_pos + 2))).toEqual(slept)
    await end(bob)
    expect(await userOf(bob).hint(at(last_pos + 3))).toEqual(slept)
    expect(await userOf(bob).settle(at(last_pos + 3))).toEqual(slept)
    expect(costTotals().commit).toBe(commits + 1)
    await sync(bob, since)
    expect((await userOf(bob).hint(at(last_pos + 4))).awake).toBe(true)
  })

  it('an account that does not exist answers without writing', async () => {
    const nobody = { userId: '@never-registered:test.example' }
    const stub = userOf(nobody as TestSession)
    expect(await stub.hint({ roomId: '!r:test.example', generation: 'g', head: 7 })).toEqual({ member: false, durablePos: 0, awake: true })
    expect(await stub.settle({ roomId: '!r:test.example', generation: 'g', head: 7 })).toEqual({
      member: false,
      durablePos: 0,
      awake: true,
    })
    const tables = "SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'"
    expect(await runInDurableObject(stub, (_user, ctx) => ctx.storage.sql.exec(tables).toArray())).toEqual([])
  })
})
