import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { call, type TestSession } from '../../../support/api-client.ts'
import { advanceClock, endObject, fireRoomAlarm } from '../../../support/crash-worker.ts'
import { createRoom, enc, join, ok, people, say } from '../../../support/room-api.ts'

/*
 * In a file of its own: what is counted is counted for everything that runs in this process.
 */

const hints = (): number => costTotals().hint ?? 0

async function timelineOf(who: TestSession, roomId: string): Promise<string[]> {
  const { rooms } = ok(await call('GET', '/sync', { token: who.token })).body
  return rooms.join[roomId].timeline.events.map(({ event_id }: { event_id: string }) => event_id)
}

describe('members who do not look', () => {
  it('S7: are rung once and not for every event, and miss nothing', async () => {
    const [alice, ...members] = (await people(6)) as [TestSession, ...TestSession[]]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    for (const who of members) ok(await join(who, roomId))
    const before = hints()
    const sent: string[] = []
    for (let said = 0; said < 8; said += 1) sent.push(ok(await say(alice, roomId, `${said}`)).body.event_id)
    // Each of six once, or twice where the first ring was under way.
    expect(hints() - before).toBeLessThanOrEqual(12)
    const [first, second] = members as [TestSession, TestSession]
    expect(await timelineOf(first, roomId)).toEqual(expect.arrayContaining(sent))
    // Whoever has begun to look is rung again.
    const { next_batch: since } = ok(await call('GET', '/sync', { token: first.token })).body
    const waiting = call('GET', `/sync?since=${enc(since)}&timeout=20000`, { token: first.token })
    const last: string = ok(await say(alice, roomId, 'last')).body.event_id
    const { timeline } = ok(await waiting).body.rooms.join[roomId]
    expect(timeline.events.map(({ event_id }: { event_id: string }) => event_id)).toEqual([last])
    // Who goes on dozing is settled, and finds everything in another life.
    advanceClock(60_000)
    await fireRoomAlarm(roomId)
    await endObject('user', second.userId)
    await endObject('room', roomId)
    expect(await timelineOf(second, roomId)).toEqual(expect.arrayContaining([...sent, last]))
  })

  it('S7: are not rung again, thousands of them, because the room was out of memory for a while', async () => {
    // More than are rung at once.
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    const members: TestSession[] = []
    while (members.length < 264) {
      const some = await people(8)
      await Promise.all(some.map(async (who) => ok(await join(who, roomId))))
      members.push(...some)
    }
    await endObject('room', roomId)
    const before = hints()
    const first: string = ok(await say(alice, roomId, 'everybody is rung')).body.event_id
    await vi.waitFor(() => expect(hints() - before).toBeGreaterThanOrEqual(members.length), { timeout: 60_000 })
    await env.ROOM.get(env.ROOM.idFromName(roomId)).whileRinging()
    await endObject('room', roomId)
    const later = hints()
    const second: string = ok(await say(alice, roomId, 'nobody is')).body.event_id
    await env.ROOM.get(env.ROOM.idFromName(roomId)).whileRinging()
    expect(hints() - later).toBeLessThanOrEqual(2)
    const [reader] = members as [TestSession, ...TestSession[]]
    expect(await timelineOf(reader, roomId)).toEqual(expect.arrayContaining([first, second]))
    // Whoever looks is rung, in this life and in the next.
    const { next_batch: since } = ok(await call('GET', '/sync', { token: reader.token })).body
    await endObject('room', roomId)
    const waiting = call('GET', `/sync?since=${enc(since)}&timeout=20000`, { token: reader.token })
    const third: string = ok(await say(alice, roomId, 'one is')).body.event_id
    const { timeline } = ok(await waiting).body.rooms.join[roomId]
    expect(timeline.events.map(({ event_id }: { event_id: string }) => event_id)).toEqual([third])
  })
})
