import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectExactlyOnce, expectSameAsRoom } from '../../support/crash-checks.ts'
import { Ledger } from '../../support/crash-load.ts'
import { abortObject, homeserver } from '../../support/crash-server.ts'
import { MatrixClient, type SyncResponse } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'
import { SyncObserver } from '../../support/sync-observer.ts'

describe.each([
  { how: 'the whole server is killed', end: (server: ServerProcess) => server.kill9().then(() => server.restart()) },
  { how: "the user's object ends", end: (server: ServerProcess, userId: string) => abortObject(server, 'user', userId) },
])('sync tokens of two lives ago, where $how', ({ end }) => {
  let server: ServerProcess
  const ledger = new Ledger()
  let alice: MatrixClient
  let bob: MatrixClient
  let second: MatrixClient
  const roomIds: string[] = []

  beforeAll(async () => {
    server = await startServerProcess()
    const home = homeserver(server)
    alice = await MatrixClient.register(home, 'alice')
    bob = await MatrixClient.register(home, 'bob')
    second = await MatrixClient.logIn(home, 'bob')
    for (let n = 0; n < 3; n += 1) {
      const roomId = await alice.createRoom()
      roomIds.push(roomId)
      await bob.join(roomId)
    }
  })

  afterAll(async () => {
    await server.stop()
  })

  async function say(text: string): Promise<void> {
    for (const roomId of roomIds) await ledger.send(alice, roomId, `${text} in ${roomIds.indexOf(roomId)}`)
  }

  it('lead both devices to everything since, and again when they are used again', async () => {
    const devices = [new SyncObserver(bob), new SyncObserver(second)]
    await say('first')
    for (const device of devices) await device.once()
    // In memory only: the user flushes 5–10 s after a first hint.
    await say('second')
    for (const device of devices) await pollUntilTold(device, 'second')
    const old = devices.map(({ since }) => since)

    await say('third, heard by nobody')
    await end(server, bob.userId)
    await say('fourth, in another life')
    const between = new SyncObserver(second, { since: old[1] ?? '' })
    await pollUntilTold(between, 'fourth')
    await end(server, bob.userId)

    for (const [index, device] of devices.entries()) {
      const once = textsOf(await device.client.sync({ since: old[index], timeout: '0' }))
      const again = textsOf(await device.client.sync({ since: old[index], timeout: '0' }))
      expect(again, 'the same token used again').toEqual(expect.arrayContaining(once))
      await pollUntilTold(device, 'third')
      await pollUntilTold(device, 'fourth')
    }
    // The other order: the token of the life between, after those of the first.
    await between.once()
    await say('fifth')
    for (const observer of [...devices, between]) await pollUntilTold(observer, 'fifth')
    for (const roomId of roomIds) {
      const history = await expectExactlyOnce(alice, roomId, ledger)
      for (const device of devices) await expectSameAsRoom(device, roomId, history)
    }
  })

  it('are not taken from another device or another user', async () => {
    const { next_batch } = await bob.sync({ timeout: '0' })
    for (const client of [second, alice]) {
      // Refused, or answered as if there were no token; never answered as if it were this device's.
      const answer = await client.sync({ since: next_batch, timeout: '0' }).catch(() => undefined)
      if (answer !== undefined) expect(Object.keys(answer.rooms?.join ?? {}).sort()).toEqual([...roomIds].sort())
    }
  })

  /** Polls until a text has come in every room. Each poll waits for news, so this takes no longer than the server. */
  async function pollUntilTold(device: SyncObserver, text: string): Promise<void> {
    const has = (roomId: string): boolean =>
      device.rooms.get(roomId)?.timeline.some(({ content }) => String(content.body).startsWith(text)) === true
    for (let polls = 0; !roomIds.every(has); polls += 1) {
      if (polls > 8) throw new Error(`${device.client.deviceId} was not told of ${text}`)
      await device.once(5000)
    }
  }
})

function textsOf(response: SyncResponse): string[] {
  return Object.values(response.rooms?.join ?? {}).flatMap(({ timeline }) => (timeline?.events ?? []).map(({ event_id }) => event_id))
}
