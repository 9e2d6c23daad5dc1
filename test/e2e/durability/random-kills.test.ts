import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectExactlyOnce, expectMembershipsAgree, expectSameAsRoom, unknownTo } from '../../support/crash-checks.ts'
import { eventually, Ledger, pause, seededFractions, sendAgain, sendUntilStopped, testSeed } from '../../support/crash-load.ts'
import { homeserver } from '../../support/crash-server.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'
import { SyncObserver } from '../../support/sync-observer.ts'

const ROOMS = 5
const SENDERS = 10
const KILLS = 10
/** Until every device has everything after the last kill: rooms ask their members again about 25 s after they woke. */
const SETTLED_WITHIN_MS = 90_000
/** Transactions sent once more at the end. */
const REPEATED_TRANSACTIONS = 60

describe('a server that is killed ten times while ten senders write to five rooms', () => {
  const fraction = seededFractions(testSeed())
  const ledger = new Ledger()
  const clients: MatrixClient[] = []
  const observers: SyncObserver[] = []
  const roomIds: string[] = []
  let server: ServerProcess

  beforeAll(async () => {
    server = await startServerProcess()
    const home = homeserver(server)
    for (let n = 0; n < SENDERS; n += 1) clients.push(await MatrixClient.register(home, `sender${n}`))
    for (let n = 0; n < ROOMS; n += 1) {
      const creator = clients[n]
      if (creator === undefined) throw new Error('fewer senders than rooms')
      const roomId = await creator.createRoom({ preset: 'public_chat', name: `room ${n}` })
      roomIds.push(roomId)
      for (const client of clients) if (client !== creator) await client.join(roomId)
    }
    observers.push(...clients.map((client) => new SyncObserver(client)))
    // A second device of two users, one of which misses nothing only if tokens of different lives are read right.
    for (const name of ['sender0', 'sender7']) observers.push(new SyncObserver(await MatrixClient.logIn(home, name)))
    for (const observer of observers) observer.start()
  })

  afterAll(async () => {
    await Promise.all(observers.map((observer) => observer.stop()))
    await server.stop()
  })

  it('keeps writing through ten kills at random instants', async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const stop = new AbortController()
      const sending = clients.map((client) => sendUntilStopped(client, roomIds, ledger, fraction, stop.signal))
      // Before, around and after the first flushes of users, which come 5–10 s after a first hint.
      await pause(200 + fraction() * (kill % 4 === 3 ? 7000 : 1500))
      await server.kill9()
      const last = kill === KILLS - 1
      if (last) stop.abort()
      await server.restart()
      stop.abort()
      await Promise.all(sending)
    }
    expect(ledger.acknowledged.length).toBe(ledger.messages.length)
    expect(ledger.acknowledged.length).toBeGreaterThan(300)
  }, 180_000)

  it('has every acknowledged event exactly once', async () => {
    for (const roomId of roomIds) await expectExactlyOnce(clients[0] ?? expect.fail(), roomId, ledger)
  })

  it(
    'has told every device each of them, in order, although the rooms stay silent after the last restart',
    async () => {
      for (const roomId of roomIds) {
        const history = await (clients[0] ?? expect.fail()).history(roomId)
        for (const observer of observers) {
          await eventually(SETTLED_WITHIN_MS, () => expect(unknownTo(observer.rooms.get(roomId), history)).toEqual([]))
          await expectSameAsRoom(observer, roomId, history)
        }
      }
      expect(observers.flatMap(({ refusals }) => refusals.filter(({ status }) => status < 500))).toEqual([])
    },
    SETTLED_WITHIN_MS + 30_000,
  )

  it('agrees on memberships', () => expectMembershipsAgree(clients, roomIds))

  it('still knows transactions of every life', async () => {
    const all = ledger.acknowledged
    for (let n = 0; n < REPEATED_TRANSACTIONS; n += 1) {
      await sendAgain(all[Math.floor((n * all.length) / REPEATED_TRANSACTIONS)] ?? expect.fail())
    }
  })
})
