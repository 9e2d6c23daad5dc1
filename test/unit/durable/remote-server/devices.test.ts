import { describe, expect, it, vi } from 'vitest'
import { takeFromUser } from '../../../../src/durable/remote-server/devices/local-devices.ts'
import { ALICE, DeviceWorld, EVE, witness } from '../../../support/device-world.ts'
import { QueueWorld } from '../../../support/federation-queue.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const fetches = (world: DeviceWorld): string[] => world.asked.map((asked) => asked.split('/')[0] ?? '').filter((asked) => asked !== '')
const resyncs = (world: DeviceWorld): number => world.asked.filter((asked) => asked.startsWith('GET')).length

describe('a list of devices', () => {
  it('is fetched once for everybody who asks at the same time, and kept', async () => {
    const world = new DeviceWorld()
    expect(await Promise.all([world.read(), world.read('@bob:us.example')])).toEqual([['ONE'], ['ONE']])
    expect(await world.read()).toEqual(['ONE'])
    world.end()
    expect(await world.read()).toEqual(['ONE'])
    expect(fetches(world)).toHaveLength(1)
  })

  it('is fetched again where its witness has not stayed, or another has to be asked for and does not answer as before', async () => {
    const world = new DeviceWorld()
    await world.read()
    // Another reader: the room of the first one is asked.
    expect(await world.read('@bob:us.example', EVE, witness(9, '!other:us.example'))).toEqual(['ONE'])
    expect(fetches(world)).toHaveLength(1)
    world.stillThere = (userId) => userId !== ALICE
    await world.read('@bob:us.example', EVE, witness(9, '!other:us.example'))
    expect(fetches(world)).toHaveLength(2)
    // Bob's room is the witness now.
    world.stillThere = () => false
    await world.read('@bob:us.example', EVE, witness(9, '!other:us.example'))
    expect(fetches(world)).toHaveLength(2)
    await world.read('@bob:us.example', EVE, witness(10, '!other:us.example'))
    expect(fetches(world)).toHaveLength(3)
  })

  it('follows changes that name the one before, across lives of the object', async () => {
    const world = new DeviceWorld()
    await world.read()
    world.devices?.set(EVE, ['ONE', 'TWO'])
    await world.take(world.update('TWO', 100, [99]))
    expect(world.asked.at(-1)).toBe(`GET user/devices/${encodeURIComponent(EVE)}`)
    expect(await world.read()).toEqual(['ONE', 'TWO'])
    const before = world.asked.length
    await world.take(world.update('THREE', 101, [100]), world.update('ONE', 102, [101], true))
    world.end()
    await world.take(world.update('FOUR', 103, [102]), world.update('FOUR', 103, [102]))
    expect(await world.read()).toEqual(['FOUR', 'THREE', 'TWO'])
    expect(world.asked.length).toBe(before)
  })

  it('that changes while it is fetched is fetched once more', async () => {
    const world = new DeviceWorld()
    let release = (): void => undefined
    world.hold = new Promise((resolve) => {
      release = resolve
    })
    const reading = world.read()
    await vi.waitFor(() => expect(world.asked).toHaveLength(1))
    world.stream = 101
    world.devices = new Map([[EVE, ['ONE', 'TWO']]])
    await world.remote.take([world.update('TWO', 101, [100])])
    release()
    world.hold = undefined
    expect(await reading).toEqual(['ONE'])
    expect(await world.read()).toEqual(['ONE', 'TWO'])
  })

  it('that lacked changes keeps its number where it is fetched in two ways at once', async () => {
    const world = new DeviceWorld()
    await world.read()
    let release = (): void => undefined
    world.hold = new Promise((resolve) => {
      release = resolve
    })
    world.devices?.set(EVE, ['ONE', 'TWO'])
    await world.remote.take([world.update('TWO', 100, [99])])
    const reading = world.read()
    await vi.waitFor(() => expect(world.asked).toHaveLength(3))
    release()
    world.hold = undefined
    expect(await reading).toEqual(['ONE', 'TWO'])
    await world.settle()
    await world.take(world.update('THREE', 101, [100]))
    expect(await world.read()).toEqual(['ONE', 'THREE', 'TWO'])
    expect(world.asked).toHaveLength(3)
  })

  it('is not handed out while it lacks changes and the server is away', async () => {
    const world = new DeviceWorld()
    await world.read()
    world.devices = undefined
    expect(await world.read()).toEqual(['ONE'])
    await world.take(world.update('TWO', 101, [77]))
    expect(await world.read()).toBeUndefined()
    world.end()
    expect(await world.read()).toBeUndefined()
    world.devices = new Map([[EVE, ['ONE', 'TWO']]])
    expect(await world.read()).toEqual(['ONE', 'TWO'])
  })
})

describe('a server whose users change their devices all the time (D3)', () => {
  it('is asked for a list at once, then less and less often, in the end only when somebody wants it', async () => {
    const world = new DeviceWorld()
    await world.read()
    for (let n = 0; n < 500; n += 1) await world.take(world.update(`D${n}`, 1_000 + n, [7]))
    expect(resyncs(world)).toBe(1)
    const times: number[] = []
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      const before = resyncs(world)
      await world.take(world.update(`E${minute}`, 10_000 + minute, [7]))
      await world.pass(MINUTE_MS)
      for (let n = before; n < resyncs(world); n += 1) times.push(minute)
    }
    expect(times.length).toBeLessThanOrEqual(14)
    expect(await world.read()).toEqual(['ONE'])
    // An hour of quiet: at once again.
    await world.pass(26 * HOUR_MS)
    const before = resyncs(world)
    await world.take(world.update('F', 99_999, [7]))
    expect(resyncs(world)).toBe(before + 1)
  })

  it('is told of a bounded number of times; the rest is told together, also after a crash', async () => {
    const world = new DeviceWorld()
    world.locals = [ALICE]
    world.remote.noteMembers('!room:us.example', [{ userId: EVE, joined: true }])
    for (let n = 0; n < 200; n += 1) await world.take(world.update(`D${n}`, n, [7]))
    expect(world.toldTimes()).toBe(20)
    world.end()
    await world.pass(2 * MINUTE_MS)
    expect(world.toldTimes()).toBe(21)
    world.remote.noteMembers('!room:us.example', [{ userId: EVE, joined: false }])
    const { roomsAsked } = world
    await world.take(world.update('X', 9_999, [7]))
    expect([world.toldTimes(), world.roomsAsked]).toEqual([21, roomsAsked])
  })

  it('fills no more than a bound, however large the keys are', async () => {
    const world = new DeviceWorld()
    world.padding = 30_000
    world.devices = new Map([[EVE, Array.from({ length: 200 }, (_, n) => `D${n}`)]])
    const kept = (await world.read())?.length ?? 0
    expect(kept).toBeGreaterThan(50)
    expect(kept).toBeLessThan(80)
    // Too large to be keys.
    world.padding = 40_000
    world.devices = new Map([['@bob:them.example', ['HUGE']]])
    expect(await world.read(ALICE, '@bob:them.example')).toEqual([])
  })

  it('costs nothing where nobody wants to know', async () => {
    const world = new DeviceWorld()
    for (let n = 0; n < 100; n += 1) await world.take(world.update('X', n, [n - 2], false, `@user${n}:them.example`))
    expect([world.asked, world.taken, world.roomsAsked]).toEqual([[], [], 0])
  })
})

describe('whoever has asked for a list', () => {
  it('is told of the next change, in rooms that nobody knows of as well, and again once they have asked again', async () => {
    const world = new DeviceWorld()
    await world.read()
    await world.take(world.update('TWO', 101, [7]))
    expect(world.toldTimes()).toBe(1)
    await world.take(world.update('THREE', 102, [101]))
    expect(world.toldTimes()).toBe(1)
    await world.read()
    world.end()
    await world.take(world.update('FOUR', 103, [102]))
    expect(world.toldTimes()).toBe(2)
  })
})

describe('what local users have for another server', () => {
  const item = (id: number, extra: object = {}) => ({ id, edus: [{ type: 'm.x', key: undefined, body: `{"n":${id}}` }], ...extra })

  it('is taken once and in order, and not across a gap', async () => {
    const world = new QueueWorld()
    const take = (after: number, ...items: ReturnType<typeof item>[]) =>
      takeFromUser(world.parts, world.outbox, { from: ALICE, after, items })
    expect(take(0, item(1), item(2))).toEqual({ accepted: 2, durable: 2 })
    expect(take(0, item(1), item(2), item(3))).toEqual({ accepted: 3, durable: 3 })
    expect(take(7, item(9))).toEqual({ accepted: 3, durable: 3 })
    expect(take(3, item(9))).toEqual({ accepted: 9, durable: 9 })
    await world.sender.run()
    expect(world.seen.flatMap(({ edus }) => edus)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 9 }])
  })

  it('is left out where it is for servers that do not know yet, and this one does', async () => {
    const world = new QueueWorld()
    const take = (...items: ReturnType<typeof item>[]) => takeFromUser(world.parts, world.outbox, { from: ALICE, after: 0, items })
    take(item(1, { stream: 5, ifUntold: true }))
    take(item(2, { stream: 5, ifUntold: true }), item(3, { stream: 6 }), item(4, { stream: 6, ifUntold: true }))
    take(item(5, { stream: 6, ifUntold: true }))
    await world.sender.run()
    expect(world.seen.flatMap(({ edus }) => edus)).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }])
  })
})
