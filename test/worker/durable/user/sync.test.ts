import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import { type Answer, call, logIn, type TestSession } from '../../../support/api-client.ts'
import { createRoom, enc, join, leave, moderate, ok, people, say } from '../../../support/room-api.ts'

function poll(who: TestSession, params: Readonly<Record<string, string | number | boolean>> = {}): Promise<Answer> {
  const query = new URLSearchParams(Object.entries(params).map(([key, value]) => [key, String(value)]))
  return call('GET', `/sync?${query}`, { token: who.token })
}

async function next(who: TestSession, since: string | undefined, params: Readonly<Record<string, string | number | boolean>> = {}) {
  return ok(await poll(who, since === undefined ? params : { since, ...params })).body
}

function bodies(sync: { rooms: { join: Record<string, { timeline: { events: { content: { body?: string } }[] } }> } }, roomId: string): string[] {
  return (sync.rooms.join[roomId]?.timeline.events ?? []).flatMap(({ content }) => content.body ?? [])
}

describe('GET /sync', () => {
  it('tells a new account nothing but its push rules', async () => {
    const [alice] = await people(1)
    const first = await next(alice!, undefined)
    expect(first).toMatchObject({
      rooms: { join: {}, invite: {}, knock: {}, leave: {} },
      to_device: { events: [] },
      device_lists: { changed: [], left: [] },
      device_one_time_keys_count: {},
    })
    expect(first.account_data.events.map(({ type }: { type: string }) => type)).toEqual(['m.push_rules'])
    const second = await next(alice!, first.next_batch)
    expect(second.account_data.events).toEqual([])
  })

  it('tells a room at first as a whole and then only what is new', async () => {
    const [alice, bob] = await people(2)
    const roomId = await createRoom(alice!, { preset: 'public_chat' })
    ok(await join(bob!, roomId))
    ok(await say(alice!, roomId, 'one'))
    const first = await next(bob!, undefined)
    expect(bodies(first, roomId)).toEqual(['one'])
    ok(await say(alice!, roomId, 'two'))
    ok(await say(alice!, roomId, 'three'))
    const second = await next(bob!, first.next_batch, { timeout: 2000 })
    const third = bodies(second, roomId).length === 2 ? second : await next(bob!, second.next_batch, { timeout: 2000 })
    expect([...new Set([...bodies(second, roomId), ...bodies(third, roomId)])]).toEqual(['two', 'three'])
    const fourth = await next(bob!, third.next_batch)
    expect(fourth.rooms.join).toEqual({})
  })

  it('wakes a waiting poll', async () => {
    const [alice, bob] = await people(2)
    const roomId = await createRoom(alice!, { preset: 'public_chat' })
    ok(await join(bob!, roomId))
    const { next_batch } = await next(bob!, undefined)
    const waiting = next(bob!, next_batch, { timeout: 20_000 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    ok(await say(alice!, roomId, 'wake up'))
    expect(bodies(await waiting, roomId)).toEqual(['wake up'])
  })
})
