import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectExactlyOnce, expectMembershipsAgree, expectSameAsRoom } from '../../support/crash-checks.ts'
import { eventually, Ledger, pause, persistently, seededFractions, testSeed } from '../../support/crash-load.ts'
import { abortObject, homeserver } from '../../support/crash-server.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'
import { SyncObserver } from '../../support/sync-observer.ts'

/** How long rooms stay silent after the last abort: long enough for everything that is due to have happened once. */
const SILENCE_MS = 60_000
/** By when a device that keeps polling has been told: rooms ask again about 25 s after their last event, and retry after 30 s. */
const SETTLED_WITHIN_MS = 75_000

/** Two users in a room of their own, and what was sent there. */
interface Pair {
  readonly alice: MatrixClient
  readonly bob: MatrixClient
  readonly roomId: string
  readonly ledger: Ledger
}

let server: ServerProcess
let made = 0

beforeAll(async () => {
  server = await startServerProcess()
})

afterAll(async () => {
  await server.stop()
})

async function register(name: string): Promise<MatrixClient> {
  made += 1
  return await MatrixClient.register(homeserver(server), `${name}${made}`)
}

async function makePair(): Promise<Pair> {
  const alice = await register('alice')
  const bob = await register('bob')
  const roomId = await alice.createRoom()
  await bob.join(roomId)
  const ledger = new Ledger()
  await ledger.send(alice, roomId, 'before')
  return { alice, bob, roomId, ledger }
}

/** A device that knows everything so far. With `parked` it keeps polling, otherwise it does nothing until it is asked. */
async function observe(client: MatrixClient, parked: boolean): Promise<SyncObserver> {
  const observer = new SyncObserver(client)
  await observer.once()
  if (parked) observer.start()
  return observer
}

/** The room stays silent; then every device has what the room has. Devices that poll have been told meanwhile, the others are at their next request. */
async function expectAllAfterSilence(pair: Pair, observers: readonly SyncObserver[], parked: boolean): Promise<void> {
  const others = observers.map(({ client }) => client).filter(({ userId }) => userId !== pair.alice.userId && userId !== pair.bob.userId)
  const history = await expectExactlyOnce(pair.alice, pair.roomId, pair.ledger)
  try {
    if (parked)
      for (const observer of observers) await eventually(SETTLED_WITHIN_MS, () => expectSameAsRoom(observer, pair.roomId, history))
    else {
      await pause(SILENCE_MS)
      for (const observer of observers) {
        await observer.once()
        await expectSameAsRoom(observer, pair.roomId, history)
      }
    }
  } finally {
    for (const observer of observers) await observer.stop()
  }
  await expectMembershipsAgree([pair.alice, pair.bob, ...others], [pair.roomId])
}

// Side by side, because most of the time is waiting in silence.
describe('objects end', { concurrent: true, timeout: 180_000 }, () => {
  describe.each([
    { parked: true, how: 'with parked polls' },
    { parked: false, how: 'without a poll' },
  ])('$how, and the room then stays silent', ({ parked }) => {
    it('a recipient ends right after it took a hint', async () => {
      const pair = await makePair()
      const observer = await observe(pair.bob, parked)
      await pair.ledger.send(pair.alice, pair.roomId, 'lost with memory')
      await abortObject(server, 'user', pair.bob.userId)
      await expectAllAfterSilence(pair, [observer], parked)
    })

    it('a recipient ends at some instant around each of twelve messages', async () => {
      const fraction = seededFractions(testSeed() + (parked ? 1 : 2))
      const pair = await makePair()
      const observer = await observe(pair.bob, parked)
      for (let n = 0; n < 12; n += 1) {
        const sent = pair.ledger.send(pair.alice, pair.roomId, `around ${n}`)
        await pause(fraction() * 12)
        await abortObject(server, 'user', pair.bob.userId)
        await sent
      }
      await expectAllAfterSilence(pair, [observer], parked)
    })

    it('the room ends right after it acknowledged a message, before or while it rings', async () => {
      const pair = await makePair()
      const observer = await observe(pair.bob, parked)
      await pair.ledger.send(pair.alice, pair.roomId, 'acknowledged')
      await abortObject(server, 'room', pair.roomId)
      await expectAllAfterSilence(pair, [observer], parked)
    })

    it('the room ends at some instant around each of twelve messages, which are sent until acknowledged', async () => {
      const fraction = seededFractions(testSeed() + (parked ? 3 : 4))
      const pair = await makePair()
      const observers = [await observe(pair.bob, parked), await observe(pair.alice, parked)]
      for (let n = 0; n < 12; n += 1) {
        const sent = pair.ledger.send(pair.alice, pair.roomId, `around ${n}`)
        await pause(fraction() * 8)
        await abortObject(server, 'room', pair.roomId)
        await sent
      }
      await expectAllAfterSilence(pair, observers, parked)
    })

    it('room and recipient end one after the other after a message', async () => {
      const pair = await makePair()
      const observer = await observe(pair.bob, parked)
      await pair.ledger.send(pair.alice, pair.roomId, 'heard by nobody')
      await Promise.all([abortObject(server, 'room', pair.roomId), abortObject(server, 'user', pair.bob.userId)])
      await abortObject(server, 'user', pair.bob.userId)
      await expectAllAfterSilence(pair, [observer], parked)
    })

    it('twelve recipients end at instants around their flush', async () => {
      const pair = await makePair()
      const recipients: MatrixClient[] = []
      for (let n = 0; n < 12; n += 1) {
        const recipient = await register('recipient')
        await recipient.join(pair.roomId)
        recipients.push(recipient)
      }
      const observers = await Promise.all(recipients.map((recipient) => observe(recipient, parked)))
      await pair.ledger.send(pair.alice, pair.roomId, 'to be flushed')
      // Users flush 5–10 s after a first hint.
      await Promise.all(
        recipients.map(async (recipient, index) => {
          await pause(4900 + index * 430)
          await abortObject(server, 'user', recipient.userId)
        }),
      )
      await expectAllAfterSilence(pair, observers, parked)
    })
  })

  describe.each(['room', 'user'] as const)('%s, during changes of membership', (victim) => {
    it('and rooms, users and devices agree in the end', async () => {
      const fraction = seededFractions(testSeed() + (victim === 'room' ? 5 : 6))
      const alice = await register('alice')
      const pairs: { readonly roomId: string; readonly bob: MatrixClient; readonly observer: SyncObserver }[] = []
      for (let n = 0; n < 10; n += 1) {
        const bob = await register('bob')
        const roomId = await alice.createRoom({ preset: 'private_chat' })
        pairs.push({ roomId, bob, observer: (await observe(bob, false)).start() })
      }
      const during = async (roomId: string, bob: MatrixClient, change: () => Promise<unknown>): Promise<void> => {
        const changed = persistently(change)
        await pause(fraction() * 12)
        await abortObject(server, victim, victim === 'room' ? roomId : bob.userId)
        await changed
      }
      await Promise.all(
        pairs.map(async ({ roomId, bob }, index) => {
          await during(roomId, bob, () => alice.moderate('invite', roomId, bob.userId))
          if (index % 5 === 0) return
          await during(roomId, bob, () => bob.join(roomId))
          if (index % 5 === 1) return
          if (index % 5 === 2) await during(roomId, bob, () => bob.leave(roomId))
          if (index % 5 === 3) await during(roomId, bob, () => alice.moderate('kick', roomId, bob.userId).catch(ignoreAlreadyGone))
          if (index % 5 === 4) await during(roomId, bob, () => alice.moderate('ban', roomId, bob.userId))
        }),
      )
      for (const [index, { roomId, bob, observer }] of pairs.entries()) {
        const wanted = index % 5 === 0 ? 'invite' : index % 5 === 1 ? 'join' : 'leave'
        await eventually(SETTLED_WITHIN_MS, async () => {
          await expectMembershipsAgree([alice, bob], [roomId])
          const told = observer.invites.has(roomId) ? 'invite' : observer.rooms.get(roomId)?.section
          expect(told, `${roomId} as ${bob.userId} was told`).toBe(wanted)
        })
        await observer.stop()
      }
    })
  })
})

/** A kick that was repeated because its answer was lost finds nobody to kick. */
function ignoreAlreadyGone(cause: unknown): void {
  if (!(cause instanceof Error && 'status' in cause && cause.status === 403)) throw cause
}
