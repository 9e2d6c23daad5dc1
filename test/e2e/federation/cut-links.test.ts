import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type FederatedServer, joinVia, startFederation } from '../../support/federation-pair.ts'
import type { ClientEvent, MatrixClient } from '../../support/matrix-client.ts'

let federation: Awaited<ReturnType<typeof startFederation>>
let here: FederatedServer
let there: FederatedServer
let third: FederatedServer
let alice: MatrixClient
let bob: MatrixClient
let carol: MatrixClient

beforeAll(async () => {
  federation = await startFederation(3)
  const [first, second, last] = federation.servers
  if (first === undefined || second === undefined || last === undefined) throw new Error('three servers are needed')
  here = first
  there = second
  third = last
  alice = await here.register('alice')
  bob = await there.register('bob')
  carol = await third.register('carol')
}, 120_000)

afterAll(async () => {
  await federation?.stop()
})

const e = encodeURIComponent

const bodiesOf = (events: readonly ClientEvent[]): string[] =>
  events.filter(({ type }) => type === 'm.room.message').map(({ content }) => String(content.body))

async function bodies(client: MatrixClient, roomId: string): Promise<string[]> {
  return bodiesOf(await client.history(roomId))
}

/** Current state as something that can be compared between servers. */
async function stateOf(client: MatrixClient, roomId: string): Promise<string[]> {
  return (await client.state(roomId)).map(({ type, state_key, event_id }) => `${type} ${state_key} ${event_id}`).sort()
}

/** Waits until all clients see the same messages, each once, and the same state. */
async function agree(roomId: string, messages: readonly string[], ...clients: readonly MatrixClient[]): Promise<void> {
  const wanted = [...messages].sort()
  for (const client of clients) {
    const seen = await eventually(
      () => bodies(client, roomId),
      (list) => messages.every((body) => list.includes(body)),
      60_000,
    )
    expect([...seen].sort()).toEqual(wanted)
  }
  const [first, ...others] = clients
  if (first === undefined) return
  for (const client of others) {
    await eventually(
      async () => [await stateOf(first, roomId), await stateOf(client, roomId)],
      ([left, right]) => JSON.stringify(left) === JSON.stringify(right),
      30_000,
    )
  }
}

async function topicOf(client: MatrixClient, roomId: string): Promise<unknown> {
  return (await client.call<{ topic: unknown }>('GET', `/v3/rooms/${e(roomId)}/state/m.room.topic`)).topic
}

/** A room of alice that the others have joined, who may change its state. */
async function sharedRoom(version: string, ...others: readonly MatrixClient[]): Promise<string> {
  const power = { users_default: 50, state_default: 50 }
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version, power_level_content_override: power })
  for (const client of others) await joinVia(client, roomId, here.name)
  await eventually(
    () => alice.joinedMembers(roomId),
    (members) => members.length === others.length + 1,
  )
  return roomId
}

describe.each(['10', '12'])('a room of version %s over links that are cut', (version) => {
  it('heals a fork of messages and state that both sides made meanwhile', { timeout: 180_000 }, async () => {
    const roomId = await sharedRoom(version, bob)
    await Promise.all([here.link.cut(), there.link.cut()])
    const messages: string[] = []
    for (let n = 0; n < 30; n += 1) {
      messages.push(`alice ${n}`, `bob ${n}`)
      await alice.send(roomId, `alice ${n}`)
      await bob.send(roomId, `bob ${n}`)
      if (n % 10 === 5) {
        await alice.sendState(roomId, 'm.room.topic', '', { topic: `of alice ${n}` })
        await bob.sendState(roomId, 'm.room.topic', '', { topic: `of bob ${n}` })
        await alice.sendState(roomId, 'org.example.mark', `alice ${n}`, { n })
        await bob.sendState(roomId, 'org.example.mark', `bob ${n}`, { n })
      }
    }
    await Promise.all([here.link.join(), there.link.join()])
    await agree(roomId, messages, alice, bob)
    expect(await topicOf(alice, roomId)).toBe(await topicOf(bob, roomId))
    await alice.send(roomId, 'healed')
    await bob.send(roomId, 'healed too')
    await agree(roomId, [...messages, 'healed', 'healed too'], alice, bob)
  })

  it('lets a ban stand against what the banned wrote on the other side', { timeout: 120_000 }, async () => {
    const roomId = await sharedRoom(version, bob)
    await Promise.all([here.link.cut(), there.link.cut()])
    await alice.moderate('ban', roomId, bob.userId)
    await bob.sendState(roomId, 'm.room.topic', '', { topic: 'of the banned' })
    await bob.send(roomId, 'from the other side')
    await Promise.all([here.link.join(), there.link.join()])
    await eventually(
      () => bob.joinedRooms(),
      (rooms) => !rooms.includes(roomId),
      60_000,
    )
    await alice.send(roomId, 'after')
    expect(await bodies(alice, roomId)).toEqual(['after'])
    await expect(topicOf(alice, roomId)).rejects.toThrow(/404/)
    await expect(bob.send(roomId, 'again')).rejects.toThrow(/403/)
  })

  it('carries redactions, kicks and bans to all of three servers', { timeout: 120_000 }, async () => {
    const roomId = await sharedRoom(version, bob, carol)
    const target = await bob.send(roomId, 'secret')
    await agree(roomId, ['secret'], alice, bob, carol)
    await alice.redact(roomId, target)
    for (const client of [alice, bob, carol]) {
      await eventually(
        async () => (await client.call<ClientEvent>('GET', `/v3/rooms/${e(roomId)}/event/${e(target)}`)).content,
        (content) => content.body === undefined,
      )
    }
    await alice.moderate('kick', roomId, carol.userId)
    await eventually(
      () => bob.joinedMembers(roomId),
      (members) => !members.includes(carol.userId),
    )
    await joinVia(carol, roomId, there.name)
    await carol.send(roomId, 'back')
    await agree(roomId, ['back'].concat(['undefined']), alice, bob)
    await alice.moderate('ban', roomId, carol.userId)
    await eventually(
      () => bob.joinedMembers(roomId),
      (members) => !members.includes(carol.userId),
    )
    await expect(joinVia(carol, roomId, there.name)).rejects.toThrow(/403/)
  })

  it('brings what one server missed through another that did not', { timeout: 180_000 }, async () => {
    const roomId = await sharedRoom(version, bob, carol)
    await agree(roomId, [], alice, bob, carol)
    // Alice's server reaches Bob's and not Carol's; Carol's still hears of Bob's.
    await third.link.cut()
    const messages: string[] = []
    for (let n = 0; n < 30; n += 1) {
      messages.push(`unheard ${n}`)
      await alice.send(roomId, `unheard ${n}`)
    }
    await agree(roomId, messages, alice, bob)
    await third.link.join()
    await here.link.cut()
    await bob.send(roomId, 'on top of it')
    await agree(roomId, [...messages, 'on top of it'], bob, carol)
    await here.link.join()
    await agree(roomId, [...messages, 'on top of it'], alice, bob, carol)
  })
})

it('500 messages each way arrive once, in the order of each side', { timeout: 180_000 }, async () => {
  const roomId = await sharedRoom('11', bob)
  const numbered = (name: string): string[] => Array.from({ length: 500 }, (_, n) => `${name} ${n}`)
  await Promise.all(
    (
      [
        [alice, 'alice'],
        [bob, 'bob'],
      ] as const
    ).map(async ([client, name]) => {
      for (const body of numbered(name)) await client.send(roomId, body)
    }),
  )
  await agree(roomId, [...numbered('alice'), ...numbered('bob')], alice, bob)
  for (const client of [alice, bob]) {
    const list = await bodies(client, roomId)
    expect(list.filter((body) => body.startsWith('alice'))).toEqual(numbered('alice'))
    expect(list.filter((body) => body.startsWith('bob'))).toEqual(numbered('bob'))
  }
})
