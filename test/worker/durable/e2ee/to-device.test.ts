import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { costsOfRequest, costTotals } from '../../../../src/runtime/metrics.ts'
import { call, logIn, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { advanceClock, endObject, userStub } from '../../../support/crash-worker.ts'
import { send, syncOnce } from '../../../support/e2ee.ts'
import { people } from '../../../support/room-api.ts'

interface Received {
  readonly sender: string
  readonly type: string
  readonly content: { readonly n: number }
}

/** Syncs until nothing comes any more; answers what came, and the last token. */
async function drain(session: TestSession, since?: string): Promise<{ readonly events: Received[]; readonly since: string }> {
  const events: Received[] = []
  let token = since
  for (;;) {
    const response = await syncOnce(session, token)
    token = String(response.next_batch)
    if (response.to_device.events.length === 0) return { events, since: token }
    events.push(...response.to_device.events)
  }
}

const numbers = (events: readonly Received[]): number[] => events.map(({ content }) => content.n)
const to = (session: TestSession, content: object, deviceId = session.deviceId) => ({ [session.userId]: { [deviceId]: content } })

function rows(userId: string, table: string): Promise<number> {
  return runInDurableObject(userStub(userId), (_user, state) => state.storage.sql.exec(`SELECT 1 FROM ${table}`).toArray().length)
}

async function fireAlarm(userId: string): Promise<void> {
  advanceClock(60_000)
  await runDurableObjectAlarm(userStub(userId))
}

describe('messages to devices', () => {
  it('arrive with sender and type, until the next token acknowledges them (D9)', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const { next_batch: start } = await syncOnce(bob)
    expect((await send(alice, to(bob, { n: 1 }))).body).toEqual({})
    const first = await syncOnce(bob, start, 5_000)
    expect(first.to_device.events).toEqual([{ sender: alice.userId, type: 'm.test', content: { n: 1 } }])
    expect((await syncOnce(bob, start)).to_device.events, 'asked again with the same token').toEqual(first.to_device.events)
    expect((await syncOnce(bob, first.next_batch)).to_device.events).toEqual([])
    expect((await syncOnce(bob, start)).to_device.events, 'an old token after the acknowledgement').toEqual([])
    expect((await syncOnce(bob)).to_device.events, 'an initial sync after the acknowledgement').toEqual([])
  })

  it('wake a poll that waits', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const { next_batch } = await syncOnce(bob)
    const poll = syncOnce(bob, next_batch, 20_000)
    await send(alice, to(bob, { n: 7 }))
    expect(numbers((await poll).to_device.events)).toEqual([7])
  })

  it('go to every device for *, and to none for devices and users that do not exist (D9)', async () => {
    const alice = await registerAccount()
    const second = await logIn(alice.localpart)
    const bob = await registerAccount()
    const tokens = await Promise.all([alice, second].map((device) => syncOnce(device)))
    await send(bob, {
      [alice.userId]: { '*': { n: 1 }, UNKNOWN: { n: 2 } },
      '@nobody-there:test.example': { '*': { n: 3 } },
      '@far:elsewhere.example': { X: { n: 4 } },
      'not a user': { X: { n: 5 } },
    })
    for (const [index, device] of [alice, second].entries()) {
      expect(numbers((await syncOnce(device, tokens[index]?.next_batch, 5_000)).to_device.events)).toEqual([1])
    }
  })

  it('between devices of one user arrive too', async () => {
    const alice = await registerAccount()
    const second = await logIn(alice.localpart)
    const { next_batch } = await syncOnce(second)
    const poll = syncOnce(second, next_batch, 20_000)
    await send(alice, to(second, { n: 1 }))
    expect(numbers((await poll).to_device.events)).toEqual([1])
  })

  it('are sent once for each transaction, also when a request is repeated at once (D9, O7)', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    await Promise.all([1, 2, 3].map(() => send(alice, to(bob, { n: 1 }), 'm.test', 'same')))
    await endObject('user', alice.userId)
    await send(alice, to(bob, { n: 1 }), 'm.test', 'same')
    await send(await logIn(alice.localpart), to(bob, { n: 2 }), 'm.test', 'same')
    await fireAlarm(alice.userId)
    expect(numbers((await drain(bob)).events)).toEqual([1, 2])
  })

  it('refuses what is too large or has the wrong shape, and sends nothing of it (D9)', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const large = { ...to(bob, { n: 1 }), [alice.userId]: { '*': { text: 'x'.repeat(70_000) } } }
    expect((await send(alice, large)).status).toBe(413)
    for (const messages of [null, [], { [bob.userId]: null }, { [bob.userId]: { X: 'text' } }, { [bob.userId]: { X: null } }]) {
      expect((await send(alice, messages as object)).status).toBe(400)
    }
    expect((await drain(bob)).events).toEqual([])
  })

  it('go with the device that they wait for (D10)', async () => {
    const alice = await registerAccount()
    const second = await logIn(alice.localpart)
    const bob = await registerAccount()
    await send(bob, to(second, { n: 1 }))
    await send(alice, to(second, { n: 2 }))
    await call('POST', '/logout', { token: second.token, body: {} })
    const again = await logIn(alice.localpart, { device_id: second.deviceId })
    expect((await drain(again)).events).toEqual([])
    expect(await rows(alice.userId, 'to_device')).toBe(0)
  })
})

describe('10,000 messages for a device that never comes back', () => {
  it('are all that is kept: the oldest go, and the others stay in order (D9)', { timeout: 120_000 }, async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    await syncOnce(bob)
    await runInDurableObject(userStub(bob.userId), (_user, state) =>
      state.storage.sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO to_device (id, device_id, event) SELECT i, ?, json_object('sender', ?, 'type', 'm.test', 'content', json_object('n', i)) FROM n`,
        bob.deviceId,
        alice.userId,
      ),
    )
    await endObject('user', bob.userId)
    for (const n of [10_001, 10_002, 10_003]) await send(alice, to(bob, { n }))
    await fireAlarm(alice.userId)
    expect(await rows(bob.userId, 'to_device')).toBe(10_000)
    expect(numbers((await drain(bob)).events)).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 4))
  })
})

describe('1,000 messages to a device that is away', () => {
  const COUNT = 1_000

  it('arrive in order, and are gone after their acknowledgement (D9)', { timeout: 120_000 }, async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    for (let n = 0; n < COUNT; n += 1) await send(alice, to(bob, { n }))
    const { events, since } = await drain(bob)
    expect(numbers(events)).toEqual(Array.from({ length: COUNT }, (_, n) => n))
    await fireAlarm(alice.userId)
    expect(await rows(alice.userId, 'peer_outbox')).toBe(0)
    await endObject('user', bob.userId)
    expect((await drain(bob, since)).events).toEqual([])
    expect((await drain(bob)).events).toEqual([])
    // Acknowledged rows go with the next flush.
    await send(alice, to(bob, { n: COUNT }))
    await fireAlarm(alice.userId)
    expect(await rows(bob.userId, 'to_device')).toBe(1)
  })

  it('arrive in order although the recipient ends between receipt and flush, again and again', { timeout: 120_000 }, async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    for (let n = 0; n < COUNT; n += 1) {
      await send(alice, to(bob, { n }))
      if (n % 97 === 50) await endObject('user', bob.userId)
      if (n % 331 === 200) await endObject('user', alice.userId)
    }
    await endObject('user', bob.userId)
    await endObject('user', alice.userId)
    await fireAlarm(alice.userId)
    const { events } = await drain(bob)
    expect(numbers(events)).toEqual(Array.from({ length: COUNT }, (_, n) => n))
    expect(await rows(alice.userId, 'peer_outbox')).toBe(0)
  })

  it('lose nothing and keep their order while the recipient reads and ends', { timeout: 120_000 }, async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    let since: string | undefined
    const seen: number[] = []
    for (let n = 0; n < 200; n += 1) {
      await send(alice, to(bob, { n }))
      if (n % 10 === 4) {
        const part = await drain(bob, since)
        seen.push(...numbers(part.events))
        since = part.since
      }
      if (n % 30 === 24) await endObject('user', bob.userId)
    }
    await fireAlarm(alice.userId)
    seen.push(...numbers((await drain(bob, since)).events))
    // What was read but never written comes again, in order; nothing is missing.
    const firstTimes = seen.filter((n, index) => seen.indexOf(n) === index)
    expect(firstTimes).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })
})

describe('what sending costs', () => {
  it('is one commit before the answer and no look-up in the registry for 50 known users, and one flush for each of them', {
    timeout: 90_000,
  }, async () => {
    const alice = await registerAccount()
    const others = await people(50)
    const messages = Object.fromEntries(others.map((other) => [other.userId, { '*': { n: 1 } }]))
    await send(alice, messages)
    await fireAlarm(alice.userId)
    const answer = await send(alice, messages)
    const costs = costsOfRequest(answer.headers.get('x-request-id') ?? '')
    expect(costs?.commit).toBe(1)
    expect(costs?.d1 ?? 0).toBe(0)
    expect(costs?.rpc).toBe(1)
    const before = costTotals().commit ?? 0
    await fireAlarm(alice.userId)
    // One for each recipient and one here, which deletes what they hold.
    expect((costTotals().commit ?? 0) - before).toBeLessThanOrEqual(51)
    expect(await rows(alice.userId, 'peer_outbox')).toBe(0)
  })
})

describe('a clock that is set back', () => {
  it('loses nothing, over several lives of either side', async () => {
    const [alice, bob] = (await people(2)) as [TestSession, TestSession]
    const { next_batch: start } = await syncOnce(bob)
    advanceClock(24 * 3_600_000)
    await endObject('user', alice.userId)
    await endObject('user', bob.userId)
    await send(alice, to(bob, { n: 1 }))
    const first = await drain(bob, String(start))
    expect(numbers(first.events)).toEqual([1])
    // Everything is written and acknowledged, and nothing is left that would remind of the numbers used.
    await fireAlarm(alice.userId)
    await send(alice, to(alice, { n: 0 }))
    advanceClock(-48 * 3_600_000)
    for (let n = 2; n < 5; n += 1) {
      await endObject('user', alice.userId)
      await endObject('user', bob.userId)
      await send(alice, to(bob, { n }))
      await send(alice, to(bob, { n: n * 10 }))
      await fireAlarm(alice.userId)
    }
    await endObject('user', bob.userId)
    expect(numbers((await drain(bob, first.since)).events)).toEqual([2, 20, 3, 30, 4, 40])
  })
})
