import { describe, expect, it } from 'vitest'
import { pauseMs } from '../../../../src/durable/remote-server/back-off.ts'
import { OutboundError, RemoteRefusal } from '../../../../src/federation/outbound/outbound-error.ts'
import { canonicalJson } from '../../../../src/matrix/canonical-json.ts'
import { QueueWorld } from '../../../support/federation-queue.ts'

const HOUR_MS = 3_600_000
const away = () => {
  throw new OutboundError('unreachable', 'gone')
}
const fine = () => ({ pdus: {} })
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
const edu = (type: string, key: string | undefined, n: number) => ({
  type,
  key,
  body: canonicalJson({ edu_type: type, content: { n, key: key ?? null } }),
})

describe('sending', () => {
  it('delivers a room’s events in order, each once, 50 a transaction, as canonical JSON', async () => {
    const world = new QueueWorld()
    world.room('!a').add(120)
    await world.tell('!a')
    expect(world.seen.map(({ pdus }) => pdus.length)).toEqual([50, 50, 20])
    expect(world.positions('!a')).toEqual(range(1, 120))
    for (const { body } of world.seen) expect(body).toBe(canonicalJson(JSON.parse(body)))
    expect(JSON.parse(world.seen[0]?.body ?? '')).toMatchObject({ origin: 'us.example', origin_server_ts: world.now })
    await world.tell('!a')
    expect(world.seen).toHaveLength(3)
  })

  it('ends where a room never reaches what was heard of it, and goes on when the room does', async () => {
    const world = new QueueWorld()
    const room = world.room('!a')
    room.add(2)
    // The room was restored from a backup: it is behind its own news.
    world.outbox.note({ roomId: '!a', fromPos: 0, headPos: 9 })
    await world.sender.run()
    expect(world.positions('!a')).toEqual([1, 2])
    expect(room.asked).toBeLessThanOrEqual(3)
    room.add(10)
    await world.tell('!a')
    expect(world.positions('!a')).toEqual(range(1, 12))
  })

  it('begins behind what a room that it does not know has told others already', async () => {
    const world = new QueueWorld()
    world.room('!a').add(10)
    await world.tell('!a', 7)
    expect(world.positions('!a')).toEqual([8, 9, 10])
  })

  it('has one transaction under way, and sends what came meanwhile with the next', async () => {
    const world = new QueueWorld()
    let underWay = 0
    world.answer = async () => {
      underWay += 1
      expect(underWay).toBe(1)
      if (world.seen.length === 1) {
        world.room('!a').add(3)
        world.room('!b').add(2)
        world.outbox.note({ roomId: '!a', fromPos: 0, headPos: 4 })
        world.outbox.note({ roomId: '!b', fromPos: 0, headPos: 2 })
        const joined = world.sender.run()
        expect(joined).toBe(world.sender.run())
      }
      await Promise.resolve()
      underWay -= 1
      return fine()
    }
    world.room('!a').add(1)
    await world.tell('!a')
    expect(world.seen.map(({ pdus }) => pdus.length)).toEqual([1, 5])
    expect([world.positions('!a'), world.positions('!b')]).toEqual([range(1, 4), [1, 2]])
  })

  it('costs at most three commits for a lone event, and no more for rooms that ring again', async () => {
    const world = new QueueWorld()
    world.room('!a').add(1)
    await world.tell('!a')
    const before = world.database.commits
    world.room('!a').add(1)
    await world.tell('!a')
    expect(world.database.commits - before).toBeLessThanOrEqual(3)
    world.answer = away
    world.room('!a').add(1)
    await world.tell('!a')
    const down = world.database.commits
    for (let n = 0; n < 100; n += 1) {
      world.room('!a').add(1)
      world.outbox.note({ roomId: '!a', fromPos: 0, headPos: world.room('!a').headPos })
    }
    expect(world.database.commits).toBe(down)
  })

  it('lets no room starve another, and no broken one hold the others', async () => {
    const world = new QueueWorld()
    world.answer = away
    for (const roomId of ['!a', '!b', '!broken']) {
      world.room(roomId).add(200)
      await world.tell(roomId)
    }
    world.answer = fine
    world.seen.length = 0
    world.room('!broken').broken = true
    await world.alarm()
    expect([world.positions('!a').length, world.positions('!b')]).toEqual([200, range(1, 200)])
    const firstRooms = world.seen.slice(0, 4).map(({ pdus }) => pdus[0]?.room_id)
    expect(new Set(firstRooms).size).toBe(2)
    expect(world.positions('!broken')).toEqual([])
    world.room('!broken').broken = false
    await world.alarm()
    expect(world.positions('!broken')).toEqual(range(1, 200))
  })

  it('walks over positions that do not concern the server without sending anything', async () => {
    const world = new QueueWorld()
    world.room('!a').skip(60_000)
    await world.tell('!a')
    expect(world.seen).toEqual([])
    const { asked } = world.room('!a')
    world.room('!a').add(1)
    await world.tell('!a')
    expect(world.positions('!a')).toEqual([60_001])
    expect(world.room('!a').asked - asked).toBeLessThanOrEqual(2)
  })
})

describe('a server that cannot be reached (F18)', () => {
  it('is tried again with growing pauses, by the same transaction, and then gets everything once', async () => {
    const world = new QueueWorld()
    world.answer = away
    world.room('!a').add(60)
    await world.tell('!a')
    const pauses: number[] = []
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const before = world.seen.length
      let waited = 0
      while (world.seen.length === before) waited += await world.alarm()
      pauses.push(waited)
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80, 160].map((seconds) => seconds * 1_000))
    expect(new Set(world.seen.map(({ txnId, body }) => txnId + body)).size).toBe(1)
    world.answer = fine
    world.seen.length = 0
    while (world.positions('!a').length < 60) await world.alarm()
    expect(world.positions('!a')).toEqual(range(1, 60))
    expect(new Set(world.seen.map(({ txnId }) => txnId)).size).toBe(2)
  })

  it.each([401, 403, 404, 408, 429, 500, 502, 503])('status %i counts as that', async (status) => {
    const world = new QueueWorld()
    world.answer = () => {
      throw new RemoteRefusal(status, undefined, 'x')
    }
    world.room('!a').add(1)
    await world.tell('!a')
    expect(world.seen).toHaveLength(1)
    world.answer = fine
    await world.alarm()
    expect(world.seen[1]).toEqual(world.seen[0])
  })

  it('is left alone as long after a restart as before it', async () => {
    const world = new QueueWorld()
    world.answer = away
    world.room('!a').add(1)
    await world.tell('!a')
    for (let n = 0; n < 8; n += 1) await world.alarm()
    const attempts = world.seen.length
    world.restart()
    await world.tell('!a')
    world.room('!b').add(1)
    await world.tell('!b')
    expect(world.seen).toHaveLength(attempts)
    world.answer = fine
    while (world.positions('!b').length === 0) await world.alarm()
    expect(world.seen.at(attempts)?.txnId).toBe(world.seen[0]?.txnId)
  })

  it('is tried at once when it has been in contact, but not at every contact', async () => {
    const world = new QueueWorld()
    world.answer = away
    world.room('!a').add(1)
    await world.tell('!a')
    for (let n = 0; n < 10; n += 1) await world.alarm()
    const attempts = world.seen.length
    expect(world.sender.wake()).toBe(true)
    await world.sender.run()
    expect(world.seen).toHaveLength(attempts + 1)
    expect(world.sender.wake()).toBe(false)
    world.now += 60_000
    world.answer = fine
    expect(world.sender.wake()).toBe(true)
    await world.sender.run()
    expect(world.seen.at(-1)?.pdus).toHaveLength(1)
    expect(world.sender.wake()).toBe(false)
  })

  it('that was away for long gets the end of each backlog, and what comes afterwards in full', async () => {
    const world = new QueueWorld()
    world.answer = away
    world.room('!a').add(1)
    await world.tell('!a')
    for (const roomId of ['!a', '!b']) world.room(roomId).add(3_000)
    world.outbox.note({ roomId: '!a', fromPos: 0, headPos: 3_001 })
    world.outbox.note({ roomId: '!b', fromPos: 0, headPos: 3_000 })
    world.now += 2 * HOUR_MS
    world.answer = fine
    world.seen.length = 0
    await world.alarm()
    // The transaction that was under way comes first.
    expect(world.positions('!a')).toEqual([1, ...range(2_982, 3_001)])
    expect(world.positions('!b')).toEqual(range(2_981, 3_000))
    world.seen.length = 0
    world.room('!a').add(60)
    await world.tell('!a')
    expect(world.positions('!a')).toEqual(range(3_002, 3_061))
  })

  it('costs a backlog of nothing but a row a room', async () => {
    const world = new QueueWorld()
    world.answer = away
    for (const roomId of ['!a', '!b', '!c']) {
      world.room(roomId).add(10_000)
      await world.tell(roomId)
    }
    expect(world.store.all('SELECT * FROM watermarks')).toHaveLength(3)
    expect(world.store.all('SELECT * FROM in_flight')).toHaveLength(1)
  })
})

describe('a transaction that the server refuses for good', () => {
  it.each([400, 413])('with %i does not hold up what comes after it', async (status) => {
    const world = new QueueWorld()
    world.answer = ({ pdus }) => {
      if (pdus.some(({ pos }) => pos === 1)) throw new RemoteRefusal(status, 'M_BAD_JSON', 'x')
      return fine()
    }
    world.room('!a').add(60)
    await world.tell('!a')
    expect(world.seen.map(({ pdus }) => pdus.length)).toEqual([50, 10])
  })
})

describe('a crash', () => {
  it.each(['before the answer', 'after it, before it is noted'])(
    '%s repeats the very same transaction and loses nothing',
    async (moment) => {
      const world = new QueueWorld()
      world.outbox.add([edu('m.direct_to_device', undefined, 1)])
      world.room('!a').add(70)
      // The life ends here: what it would have noted does not happen.
      world.answer = () => {
        if (moment !== 'before the answer') world.room('!a').add(1)
        return new Promise(() => undefined)
      }
      world.outbox.note({ roomId: '!a', fromPos: 0, headPos: 70 })
      const forgotten = world.sender.run()
      await Promise.resolve()
      while (world.seen.length === 0) await new Promise((resolve) => setImmediate(resolve))
      world.restart()
      world.answer = fine
      await world.sender.run()
      expect(world.seen[1]).toEqual(world.seen[0])
      expect(world.seen[1]?.edus).toHaveLength(1)
      expect(new Set(world.positions('!a')).size).toBe(moment === 'before the answer' ? 70 : 71)
      expect(world.seen.slice(2).flatMap(({ edus }) => edus)).toEqual([])
      expect(forgotten).toBeInstanceOf(Promise)
    },
  )

  it('leaves the alarm to find what nobody has begun', async () => {
    const world = new QueueWorld()
    world.room('!a').add(1)
    world.outbox.note({ roomId: '!a', fromPos: 0, headPos: 1 })
    world.restart()
    world.alarmAt = world.now + 30_000
    await world.alarm()
    expect(world.positions('!a')).toEqual([1])
  })
})

describe('EDUs', () => {
  it('arrive in order, 100 a transaction, each once', async () => {
    const world = new QueueWorld()
    world.outbox.add(range(1, 250).map((n) => edu('m.direct_to_device', undefined, n)))
    await world.sender.run()
    expect(world.seen.map(({ edus }) => edus.length)).toEqual([100, 100, 50])
    expect(world.seen.flatMap(({ edus }) => edus.map(({ content }) => content))).toEqual(range(1, 250).map((n) => ({ n, key: null })))
    for (const { body } of world.seen) expect(body).toBe(canonicalJson(JSON.parse(body)))
  })

  it('with a key are replaced while they wait, but not once they are on their way', async () => {
    const world = new QueueWorld()
    world.answer = away
    const update = (n: number) =>
      world.outbox.add([edu('m.device_list_update', '@a:us.example', n), edu('m.device_list_update', '@b:us.example', n)])
    update(1)
    await world.flush()
    update(2)
    update(3)
    world.answer = fine
    world.seen.length = 0
    await world.alarm()
    expect(world.seen.map(({ edus }) => edus.map(({ content }) => content))).toEqual([
      [1, 1].map((n, i) => ({ n, key: `@${'ab'[i]}:us.example` })),
      [3, 3].map((n, i) => ({ n, key: `@${'ab'[i]}:us.example` })),
    ])
  })

  it('that are worth something only now do not outlive a pause', async () => {
    const world = new QueueWorld()
    const typing = (n: number) => world.outbox.addFleeting([{ ...edu('m.typing', '!a', n), key: '!a' }])
    typing(1)
    typing(2)
    await world.sender.run()
    expect(world.seen.map(({ edus }) => edus.length)).toEqual([1])
    world.answer = away
    world.room('!a').add(1)
    await world.tell('!a')
    typing(3)
    await world.sender.run()
    world.answer = fine
    world.seen.length = 0
    await world.alarm()
    expect(world.seen.flatMap(({ edus }) => edus)).toEqual([])
  })

  it('that are too large, or too many for a dead server, do not break its queue (F18)', async () => {
    const world = new QueueWorld()
    world.outbox.add([{ type: 'm.x', key: undefined, body: `{"a":"${'x'.repeat(100_000)}"}` }])
    world.outbox.add(range(1, 20_010).map((n) => edu('m.direct_to_device', undefined, n)))
    world.outbox.add([edu('m.device_list_update', '@a:us.example', 0)])
    expect(world.store.first<{ n: number }>('SELECT count(*) AS n FROM edus')?.n).toBe(20_000)
    expect(world.store.first<{ n: number }>("SELECT count(*) AS n FROM edus WHERE type = 'm.device_list_update'")?.n).toBe(1)
  })
})

describe('transactions that come in (F4)', () => {
  it('are processed once, and answered the same each time, also after a restart', () => {
    const world = new QueueWorld()
    expect(world.received.begin('a')).toEqual({ kind: 'process' })
    expect(world.received.begin('a')).toEqual({ kind: 'under-way' })
    expect(world.received.begin('b')).toEqual({ kind: 'process' })
    world.received.finish('a', '{"pdus":{}}')
    expect(world.received.begin('a')).toEqual({ kind: 'answered', response: '{"pdus":{}}' })
    world.restart()
    expect(world.received.begin('a')).toEqual({ kind: 'answered', response: '{"pdus":{}}' })
    expect(world.received.begin('b')).toEqual({ kind: 'process' })
  })

  it('may come again after processing them has failed, or has taken too long', () => {
    const world = new QueueWorld()
    world.received.begin('a')
    world.received.abandon('a')
    expect(world.received.begin('a')).toEqual({ kind: 'process' })
    world.now += 120_000
    expect(world.received.begin('a')).toEqual({ kind: 'process' })
  })

  it('are remembered within a bound', () => {
    const world = new QueueWorld()
    for (const n of range(1, 1_000)) world.received.finish(`t${n}`, '{}')
    expect(world.store.all('SELECT * FROM received_transactions')).toHaveLength(200)
    expect(world.received.begin('t1000')).toMatchObject({ kind: 'answered' })
    expect(world.received.begin('x'.repeat(300))).toEqual({ kind: 'process' })
    world.received.finish('x'.repeat(300), '{}')
    world.received.finish('big', 'x'.repeat(300_000))
    expect(world.received.begin('big')).toEqual({ kind: 'process' })
  })
})

it('pauses between five seconds and a day, a quarter of it left to chance', () => {
  expect([1, 2, 3, 14, 15, 16, 1_000].map((failures) => pauseMs(failures, 0) / 1_000)).toEqual([5, 10, 20, 40_960, 81_920, 86_400, 86_400])
  expect(pauseMs(1, 0.999)).toBeGreaterThanOrEqual(3_750)
})
