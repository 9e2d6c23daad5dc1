import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it, vi } from 'vitest'
import { costsOfRequest, costTotals } from '../../../../src/runtime/metrics.ts'
import { advanceClock, home, roomStub, userStub } from '../../../support/crash-worker.ts'
import { MatrixClient } from '../../../support/matrix-client.ts'
import { SlidingObserver } from '../../../support/sliding-observer.ts'

/*
 * Whom opening an account wakes, when nobody is in memory: rooms outside the window sleep on. Counted, not timed.
 */

const ROOMS = 40
const WINDOW = 6

let names = 0
async function accountIn(rooms: number): Promise<{ readonly reader: MatrixClient; readonly roomIds: readonly string[] }> {
  names += 1
  const reader = await MatrixClient.register(home, `opens${names}`)
  const roomIds: string[] = []
  for (let n = 0; n < rooms; n += 1) {
    advanceClock(1_000)
    roomIds.push(await reader.createRoom({ preset: 'private_chat', name: `room ${n}` }))
  }
  return { reader, roomIds }
}

async function evictAll(reader: MatrixClient, roomIds: readonly string[]): Promise<void> {
  for (const stub of [userStub(reader.userId), ...roomIds.map(roomStub)]) await evictDurableObject(stub).catch(() => undefined)
}

async function writtenConnections(reader: MatrixClient): Promise<number> {
  return await runInDurableObject(userStub(reader.userId), (_, { storage }) => {
    const { written } = storage.sql.exec<{ written: number }>('SELECT count(*) AS written FROM sliding_connections').one()
    return written
  })
}

async function woken(body: () => Promise<unknown>): Promise<number> {
  const before = costTotals().construct ?? 0
  await body()
  return (costTotals().construct ?? 0) - before
}

const list = (last: number) => ({ lists: { all: { ranges: [[0, last]], timeline_limit: 1, required_state: [['m.room.name', '']] } } })

describe('opening an account whose every object has been evicted', () => {
  it('wakes the rooms of the window and no other', async () => {
    const { reader, roomIds } = await accountIn(ROOMS)
    const observer = new SlidingObserver(reader, 'room-list')
    await evictAll(reader, roomIds)
    expect(await woken(() => observer.once(list(WINDOW - 1)))).toBe(1 + WINDOW)
    expect([...observer.rooms.keys()].sort()).toEqual(roomIds.slice(-WINDOW).sort())
    await evictAll(reader, roomIds)
    // The client goes on where it was, if that was written; starting over costs as little.
    const again = new SlidingObserver(reader, 'again')
    expect(await woken(() => again.once(list(WINDOW - 1)))).toBe(1 + WINDOW)
  })

  it('goes on with a connection that had only just begun', { timeout: 40_000 }, async () => {
    const { reader, roomIds } = await accountIn(1)
    const observer = new SlidingObserver(reader, 'room-list')
    await observer.once(list(0))
    // The account writes by itself once it has been quiet.
    await vi.waitFor(async () => expect(await writtenConnections(reader)).toBe(1), { timeout: 30_000, interval: 250 })
    await evictAll(reader, roomIds)
    expect(Object.keys((await observer.once(list(0))).rooms)).toEqual(roomIds)
  })

  it('wakes the account alone where nothing has happened', async () => {
    const { reader, roomIds } = await accountIn(WINDOW)
    const observer = new SlidingObserver(reader, 'room-list')
    await observer.once(list(WINDOW - 1))
    await reader.send(roomIds[0] ?? '', 'news', reader.nextTransaction())
    for (let n = 0; n < 2; n += 1) await observer.once(list(WINDOW - 1))
    // A room settles: the account writes everything that it has in memory.
    advanceClock(60_000)
    await runDurableObjectAlarm(roomStub(roomIds[0] ?? ''))
    await evictAll(reader, roomIds)
    expect(await woken(() => observer.once(list(WINDOW - 1)))).toBe(1)
  })

  it('asks each room once for a classic client that starts from nothing', async () => {
    const { reader, roomIds } = await accountIn(WINDOW)
    await evictAll(reader, roomIds)
    const response = await home.fetch(`${home.url}/_matrix/client/v3/sync`, { headers: { authorization: `Bearer ${reader.accessToken}` } })
    const body: { readonly rooms: { readonly join: object } } = await response.json()
    expect(Object.keys(body.rooms.join).sort()).toEqual([...roomIds].sort())
    // The account is asked what there is, and then told what its rooms have said.
    expect(costsOfRequest(response.headers.get('x-request-id') ?? '')?.rpc).toBe(WINDOW + 2)
  })
})
