import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeviceFollower } from '../../support/device-follower.ts'
import { DeviceObserver } from '../../support/device-observer.ts'
import { eventually, type FederatedPair, type FederatedServer, joinVia, startPair } from '../../support/federation-pair.ts'
import { deviceKeysOf } from '../../support/made-keys.ts'
import { MatrixClient } from '../../support/matrix-client.ts'

const SEEDS = process.env.FEDERATION_SEEDS?.split(',').map(Number) ?? [1, 2]
const STEPS = 40
const LATER_MS = 60_000

let pair: FederatedPair
let here: FederatedServer
let there: FederatedServer
let names = 0

beforeAll(async () => {
  pair = await startPair()
  ;({ here, there } = pair)
}, 120_000)

afterAll(() => pair?.stop())

const fresh = (server: FederatedServer): Promise<MatrixClient> => {
  names += 1
  return server.register(`user${names}`)
}
async function publish(client: MatrixClient): Promise<void> {
  await client.call('POST', '/v3/keys/upload', { body: { device_keys: deviceKeysOf(client) } })
}
describe.each([
  ['from here', (): [FederatedServer, FederatedServer] => [here, there]],
  ['from there', (): [FederatedServer, FederatedServer] => [there, here]],
])('device_lists of users of two servers, seen %s (D13)', (_name, sides) => {
  it('name who comes, changes and goes, also to clients that have asked nothing', async () => {
    const [ours, theirs] = sides()
    const alice = new DeviceObserver(await fresh(ours))
    const bob = await fresh(theirs)
    const roomId = await bob.createRoom({ preset: 'public_chat' })
    await joinVia(alice.client, roomId, theirs.name)
    await alice.sync()
    for (let n = 0; n < 3; n += 1) {
      const device = await MatrixClient.logIn(bob.server, bob.userId.slice(1, bob.userId.indexOf(':')))
      await publish(device)
      await alice.untilChanged(bob.userId)
    }
    expect((await alice.devices(bob.userId)).length).toBe(3)
    const carol = await fresh(theirs)
    await publish(carol)
    await carol.join(roomId)
    await alice.untilChanged(carol.userId)
    expect(await alice.devices(carol.userId)).toEqual([carol.deviceId])
    await carol.leave(roomId)
    const { device_lists: lists } = await eventually(
      () => alice.sync(),
      (synced) => synced.device_lists?.left?.includes(carol.userId) === true,
    )
    expect(lists?.changed ?? []).not.toContain(carol.userId)
    const unseen = await MatrixClient.logIn(carol.server, carol.userId.slice(1, carol.userId.indexOf(':')))
    await publish(unseen)
    // Something that comes after it, so that nothing is on its way any more.
    await bob.call('PUT', `/v3/devices/${bob.deviceId}`, { body: { display_name: 'x' } })
    await publish(bob)
    await alice.untilChanged(bob.userId)
    expect(await alice.devices(carol.userId)).toEqual([carol.deviceId, unseen.deviceId].sort())
    await alice.client.leave(roomId)
    await eventually(
      () => alice.sync(),
      (synced) => synced.device_lists?.left?.includes(bob.userId) === true,
    )
  })
})

describe('changes and messages that a server could not be told', () => {
  it('reach it although the sender has lost power meanwhile and nobody uses it', { timeout: 120_000 }, async () => {
    const alice = await fresh(here)
    const bob = new DeviceObserver(await fresh(there))
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await joinVia(bob.client, roomId, here.name)
    await bob.sync()
    await there.process.kill9()
    await publish(alice)
    const body = { messages: { [bob.client.userId]: { [bob.client.deviceId]: { n: 1 } } } }
    await alice.call('PUT', '/v3/sendToDevice/m.test/away', { body })
    await here.process.kill9()
    await here.process.restart()
    await there.process.restart()
    await bob.untilChanged(alice.userId, LATER_MS)
    await bob.untilMessages(1, LATER_MS)
    expect(await bob.devices(alice.userId)).toEqual([alice.deviceId])
  })
})

/** Numbers that are the same for the same seed. */
function numbersOf(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
}

describe('clients that follow device_lists over two servers (D13)', () => {
  it.each(SEEDS)('end with the devices that everybody has, whatever happened: seed %i', { timeout: 300_000 }, async (seed) => {
    const random = numbersOf(seed)
    const followers: DeviceFollower[] = []
    for (const server of [here, here, there, there]) followers.push(new DeviceFollower(await fresh(server)))
    const at = (n: number): DeviceFollower => followers[n] ?? expect.fail()
    /** Devices with keys besides the followers' own, by user. */
    const devices = new Map<string, MatrixClient[]>()
    const rooms: { readonly roomId: string; readonly via: string }[] = []
    for (const n of [0, 2]) {
      const via = n === 0 ? here.name : there.name
      rooms.push({ roomId: await at(n).client.createRoom({ preset: 'public_chat' }), via })
    }
    for (const { client } of followers) await publish(client)
    for (let step = 0; step < STEPS; step += 1) {
      const follower = at(random(followers.length))
      const { client } = follower
      const room = rooms[random(rooms.length)] ?? expect.fail()
      const extra = devices.get(client.userId) ?? []
      const what = random(20)
      if (what < 6) await follower.step()
      else if (what < 10) await joinVia(client, room.roomId, room.via).catch(() => undefined)
      else if (what < 13) await client.leave(room.roomId).catch(() => undefined)
      else if (what < 17) {
        const device = await MatrixClient.logIn(client.server, client.userId.slice(1, client.userId.indexOf(':')))
        await publish(device)
        devices.set(client.userId, [...extra, device])
      } else if (what < 19) await extra.shift()?.logOut()
      else {
        const { process } = random(2) === 0 ? here : there
        await process.kill9()
        await process.restart()
      }
    }
    const truth = (userId: string): string => {
      const { client } = followers.find((follower) => follower.client.userId === userId) ?? expect.fail()
      return [client.deviceId, ...(devices.get(userId) ?? []).map(({ deviceId }) => deviceId)].sort().join()
    }
    for (const follower of followers) {
      const settle = async (): Promise<{ believed: Record<string, string>; true: Record<string, string> }> => {
        for (const each of followers) await each.step()
        const believed = await follower.believed()
        return { believed, true: Object.fromEntries(Object.keys(believed).map((userId) => [userId, truth(userId)])) }
      }
      await eventually(settle, (found) => JSON.stringify(found.believed) === JSON.stringify(found.true), LATER_MS)
    }
  })
})
