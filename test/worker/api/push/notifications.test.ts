import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { endObject } from '../../../support/crash-worker.ts'
import { createRoom, enc, join, ok, people, redact, say } from '../../../support/room-api.ts'

interface Listed {
  readonly actions: readonly unknown[]
  readonly event: { readonly event_id: string; readonly type: string; readonly content: { readonly body?: string } }
  readonly read: boolean
  readonly room_id: string
  readonly ts: number
}

const list = async (who: TestSession, query: Readonly<Record<string, string>> = {}) =>
  ok(await call('GET', `/notifications?${new URLSearchParams(query)}`, { token: who.token })).body as {
    readonly notifications: readonly Listed[]
    readonly next_token?: string
  }
const bodies = ({ notifications }: { readonly notifications: readonly Listed[] }) => notifications.map(({ event }) => event.content.body)

async function twoRooms(): Promise<{ alice: TestSession; bob: TestSession; rooms: [string, string] }> {
  const [alice, bob, carol] = (await people(3)) as [TestSession, TestSession, TestSession]
  const rooms: [string, string] = [await createRoom(alice, { preset: 'public_chat' }), await createRoom(alice, { preset: 'public_chat' })]
  for (const roomId of rooms) for (const who of [bob, carol]) ok(await join(who, roomId))
  return { alice, bob, rooms }
}

let transactions = 0
async function mention(from: TestSession, whom: TestSession, roomId: string, body: string): Promise<void> {
  transactions += 1
  const content = { msgtype: 'm.text', body, 'm.mentions': { user_ids: [whom.userId] } }
  ok(await call('PUT', `/rooms/${enc(roomId)}/send/m.room.message/n${transactions}`, { token: from.token, body: content }))
}

describe('GET /notifications', () => {
  it('lists what the user was notified of, the latest first, over all rooms and lives of the object', async () => {
    const { alice, bob, rooms } = await twoRooms()
    expect(await list(bob)).toEqual({ notifications: [] })
    ok(await say(alice, rooms[0], 'one'))
    await list(bob)
    ok(await say(bob, rooms[1], 'read by what alice says next'))
    ok(await say(alice, rooms[1], 'two'))
    await list(bob)
    await endObject('user', bob.userId)
    await mention(alice, bob, rooms[0], 'three')
    const listed = await list(bob)
    expect(bodies(listed)).toEqual(['three', 'two', 'one'])
    expect(listed.notifications[0]).toMatchObject({
      actions: ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }],
      read: false,
      room_id: rooms[0],
      event: { type: 'm.room.message', sender: alice.userId },
    })
    expect(listed.notifications[1]?.actions).toEqual(['notify'])
    expect(listed.notifications.map(({ ts }) => ts)).toEqual(listed.notifications.map(({ ts }) => ts).toSorted((a, b) => b - a))
    expect(bodies(await list(bob, { only: 'highlight' }))).toEqual(['three'])
    expect(bodies(await list(alice))).toEqual([])
  })

  it('goes on where a page ended, whatever comes meanwhile', async () => {
    const { alice, bob, rooms } = await twoRooms()
    for (let said = 1; said <= 7; said += 1) ok(await say(alice, rooms[said % 2] ?? '', `${said}`))
    const first = await list(bob, { limit: '3' })
    ok(await say(alice, rooms[0], 'new'))
    const pages = [first]
    for (let page = first; page.next_token !== undefined; ) {
      page = await list(bob, { limit: '3', from: page.next_token })
      pages.push(page)
    }
    expect(pages.flatMap(bodies).toSorted()).toEqual(['1', '2', '3', '4', '5', '6', '7'])
    expect(pages.map(({ notifications }) => notifications.length)).toEqual([3, 3, 1])
  })

  it('forgets what was read, redacted, or said in rooms that were left', async () => {
    const { alice, bob, rooms } = await twoRooms()
    const first = ok(await say(alice, rooms[0], 'read')).body.event_id
    const second = ok(await say(alice, rooms[0], 'redacted')).body.event_id
    ok(await say(alice, rooms[0], 'stays'))
    ok(await say(alice, rooms[1], 'left'))
    expect((await list(bob)).notifications.length).toBe(4)
    ok(await call('POST', `/rooms/${enc(rooms[0])}/receipt/m.read.private/${enc(first)}`, { token: bob.token, body: {} }))
    ok(await redact(alice, rooms[0], second))
    ok(await call('POST', `/rooms/${enc(rooms[1])}/leave`, { token: bob.token, body: {} }))
    expect(bodies(await list(bob))).toEqual(['stays'])
  })

  it.each(['nonsense', 'n1.1.1.', 'n1.-1.1.AAAA', `n1.${'9'.repeat(16)}.1.AAAA`])('R9: refuses the token %s', async (from) => {
    const [alice] = (await people(1)) as [TestSession]
    const answer = await call('GET', `/notifications?from=${enc(from)}`, { token: alice.token })
    expect([answer.status, answer.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
  })
})
