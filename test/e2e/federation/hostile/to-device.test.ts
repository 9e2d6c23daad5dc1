import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isJsonObject, type JsonObject } from '../../../../src/matrix/json.ts'
import { DeviceObserver } from '../../../support/device-observer.ts'
import { eventually } from '../../../support/federation-pair.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import { bodyOf } from '../../../support/hostile-server.ts'
import { type HostileWorld, heard, type SharedRoom, shareRoom, startHostileWorld } from '../../../support/hostile-world.ts'
import { crossSigningKeys, deviceKeysOf, oneTimeKeys } from '../../../support/made-keys.ts'
import { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let peer: HostilePeer
let alice: DeviceObserver
let shared: SharedRoom
let eve: string
let names = 0

beforeAll(async () => {
  world = await startHostileWorld()
}, 120_000)
afterAll(async () => world?.stop())
beforeEach(async () => {
  names += 1
  peer = await world.peer()
  alice = new DeviceObserver(await world.here.register(`alice${names}`))
  shared = await shareRoom(alice.client, peer, '12')
  eve = shared.eve
  await alice.sync()
})

const message = (messageId: string, content: JsonObject, extra: JsonObject = {}): JsonObject => ({
  edu_type: 'm.direct_to_device',
  content: {
    sender: eve,
    type: 'm.test',
    message_id: messageId,
    messages: { [alice.client.userId]: { [alice.client.deviceId]: content } },
    ...extra,
  },
})
const tell = async (...edus: JsonObject[]): Promise<void> => {
  expect((await peer.transaction([], edus)).status).toBe(200)
}
const numbers = (): unknown[] => alice.messages.map(({ content }) => (content as { n?: unknown }).n)
/** EDUs that the peer has received, of one type. */
const edusOf = (type: string): JsonObject[] =>
  peer.requests
    .filter(({ method, path }) => method === 'PUT' && path.includes('/v1/send/'))
    .flatMap((request) => {
      const { edus } = bodyOf(request)
      return Array.isArray(edus) ? edus.filter(isJsonObject) : []
    })
    .flatMap((edu) => (edu.edu_type === type && isJsonObject(edu.content) ? [edu.content] : []))

describe('messages from devices of another server', () => {
  it('come in order and once, however often and in however many transactions they come', async () => {
    await tell(message('a', { n: 1 }), message('b', { n: 2 }), message('a', { n: 1 }))
    await tell(message('b', { n: 2 }), message('c', { n: 3 }))
    await alice.untilMessages(3)
    expect(numbers()).toEqual([1, 2, 3])
    expect(alice.messages[0]).toEqual({ sender: eve, type: 'm.test', content: { n: 1 } })
    await tell(message('c', { n: 3 }), message('d', { n: 4 }))
    await alice.untilMessages(4)
    expect(numbers()).toEqual([1, 2, 3, 4])
  })

  it('are there after a power failure once the transaction was answered', async () => {
    await tell(message('a', { n: 1 }))
    await world.here.process.kill9()
    await world.here.process.restart()
    await tell(message('a', { n: 1 }), message('b', { n: 2 }))
    await alice.untilMessages(2)
    expect(numbers()).toEqual([1, 2])
  })

  it('reach every device for *, and nobody who does not exist', async () => {
    const second = new DeviceObserver(await MatrixClient.logIn(alice.client.server, `alice${names}`))
    await tell({
      edu_type: 'm.direct_to_device',
      content: {
        sender: eve,
        type: 'm.test',
        message_id: 'star',
        messages: {
          [alice.client.userId]: { '*': { n: 1 }, NOWHERE: { n: 2 } },
          '@nobody:nowhere.example': { '*': { n: 3 } },
          [`@nobody:${world.here.name}`]: { '*': { n: 4 } },
        },
      },
    })
    await alice.untilMessages(1)
    await second.untilMessages(1)
    expect([numbers(), second.messages.length]).toEqual([[1], 1])
  })

  it('are ignored from users of other servers, without an ID, and where they are nonsense (D1)', async () => {
    await tell(
      message('a', { n: 1 }, { sender: alice.client.userId }),
      message('b', { n: 2 }, { sender: '@eve:elsewhere.example' }),
      message('c', { n: 3 }, { sender: 5 }),
      message('', { n: 4 }),
      message('e', { n: 5 }, { type: null }),
      message('f', { n: 6 }, { messages: [] }),
      message('g', { n: 7 }, { messages: { [alice.client.userId]: { [alice.client.deviceId]: 'text' } } }),
      message('h', { n: 8, text: 'x'.repeat(100_000) }),
      message('i'.repeat(1_000), { n: 9 }),
      message('j', { n: 10 }),
    )
    await alice.untilMessages(1)
    expect(numbers()).toEqual([10])
  })
})

describe('one-time keys', () => {
  it('are handed out once to servers that claim all at once, then the fallback key (D6)', async () => {
    const { userId, deviceId } = alice.client
    const fallback = { 'signed_curve25519:fallback': { key: 'fallback', fallback: true, signatures: {} } }
    const body = { device_keys: deviceKeysOf({ userId, deviceId }), one_time_keys: oneTimeKeys(50), fallback_keys: fallback }
    await alice.client.call('POST', '/v3/keys/upload', { body })
    const claims = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const claim = { one_time_keys: { [userId]: { [deviceId]: 'signed_curve25519' } } }
        const { status, body: answer } = await peer.ask('POST', 'v1/user/keys/claim', claim)
        expect(status).toBe(200)
        const keys = answer.one_time_keys as Record<string, Record<string, Record<string, JsonObject>>>
        return Object.keys(keys[userId]?.[deviceId] ?? {})
      }),
    )
    const named = claims.flat()
    const spent = named.filter((name) => !name.endsWith(':fallback'))
    expect([named.length, spent.length, new Set(spent).size]).toEqual([100, 50, 50])
  })
})

describe('what this server tells of its devices', () => {
  it('is a chain of changes, in which each names the one before, and the whole list on request', async () => {
    const { userId, deviceId } = alice.client
    await alice.client.call('POST', '/v3/keys/upload', { body: { device_keys: deviceKeysOf({ userId, deviceId }) } })
    const [first] = await eventually(
      async () => edusOf('m.device_list_update'),
      (found) => found.length === 1,
    )
    expect(first).toMatchObject({ user_id: userId, device_id: deviceId, keys: deviceKeysOf({ userId, deviceId }), prev_id: [] })
    expect(first).not.toHaveProperty('device_display_name')
    const list = await peer.ask('GET', `v1/user/devices/${encodeURIComponent(userId)}`)
    expect(list.body).toEqual({
      user_id: userId,
      stream_id: first?.stream_id,
      devices: [{ device_id: deviceId, keys: deviceKeysOf({ userId, deviceId }) }],
    })
    const second = await MatrixClient.logIn(alice.client.server, `alice${names}`)
    await second.call('POST', '/v3/keys/upload', { body: { device_keys: deviceKeysOf({ userId, deviceId: second.deviceId }) } })
    await eventually(
      async () => edusOf('m.device_list_update'),
      (found) => found.length === 2,
    )
    await second.logOut()
    const chain = await eventually(
      async () => edusOf('m.device_list_update'),
      (found) => found.length === 3,
    )
    expect(chain.map(({ prev_id: prev }) => prev)).toEqual([[], [chain[0]?.stream_id], [chain[1]?.stream_id]])
    expect(chain[2]).toMatchObject({ device_id: second.deviceId, deleted: true })
    const keys = crossSigningKeys(userId)
    await alice.client.call('POST', '/v3/keys/device_signing/upload', { body: keys.body })
    const [update] = await eventually(
      async () => edusOf('m.signing_key_update'),
      (found) => found.length === 1,
    )
    expect(update).toEqual({ user_id: userId, master_key: keys.body.master_key, self_signing_key: keys.body.self_signing_key })
    const queried = await peer.ask('POST', 'v1/user/keys/query', { device_keys: { [userId]: [], '@x:elsewhere.example': [] } })
    expect(queried.body).toMatchObject({
      device_keys: { [userId]: { [deviceId]: { device_id: deviceId } } },
      master_keys: { [userId]: keys.body.master_key },
      self_signing_keys: { [userId]: keys.body.self_signing_key },
    })
    expect(queried.body.user_signing_keys).toEqual({})
    expect((await peer.ask('GET', `v1/user/devices/${encodeURIComponent(`@nobody:${world.here.name}`)}`)).status).toBe(404)
  })

  it('begins with who joins a room there, and is not repeated in the next room', async () => {
    const { userId, deviceId } = alice.client
    for (let n = 0; n < 2; n += 1) {
      const room = peer.found('12', peer.user(`founder${n}`))
      const path = `/v3/join/${encodeURIComponent(room.roomId)}`
      await alice.client.call('POST', path, { query: { via: peer.serverName }, body: {} })
      await alice.client.send(room.roomId, `hello ${n}`)
      await heard(peer, room.roomId, `hello ${n}`)
      const told = await eventually(
        async () => edusOf('m.device_list_update'),
        (found) => found.length > 0,
      )
      expect(told).toEqual([{ user_id: userId, device_id: deviceId, stream_id: 0, prev_id: [] }])
    }
  })

  it('goes on behind messages that cannot be told (F18)', async () => {
    const send = (type: string, content: unknown): Promise<unknown> =>
      alice.client.call('PUT', `/v3/sendToDevice/${encodeURIComponent(type)}/${alice.client.nextTransaction()}`, {
        body: { messages: { [eve]: { DEVICE: content } } },
      })
    await send('m.float', { n: 1.5 })
    await send('m.huge', { n: 2 ** 60 })
    await expect(send('m.surrogate', { text: '\ud800' })).rejects.toThrow('400')
    await alice.client.call('PUT', `/v3/devices/${alice.client.deviceId}`, { body: { display_name: '\ud800' } }).catch(() => undefined)
    const { userId, deviceId } = alice.client
    await alice.client.call('POST', '/v3/keys/upload', { body: { device_keys: deviceKeysOf({ userId, deviceId }) } })
    await send('m.fine', { n: 3 })
    await alice.client.call('PUT', `/v3/sendToDevice/m.last/${alice.client.nextTransaction()}`, {
      body: { messages: { [eve]: { DEVICE: { n: 4 } } } },
    })
    const messages = await eventually(
      async () => edusOf('m.direct_to_device'),
      (found) => found.some(({ type }) => type === 'm.last'),
    )
    expect(messages.at(-1)).toMatchObject({ sender: userId, type: 'm.last', messages: { [eve]: { DEVICE: { n: 4 } } } })
    expect(messages.map(({ type }) => type)).not.toContain('m.float')
    for (const { message_id: id } of messages) expect(String(id).length).toBeLessThanOrEqual(32)
    expect(new Set(messages.map(({ message_id: id }) => id)).size).toBe(messages.length)
    expect(edusOf('m.device_list_update')).toHaveLength(1)
  })

  it('waits for a server that is away, across a power failure: the latest of devices, every message, in order', {
    timeout: 120_000,
  }, async () => {
    const { userId, deviceId } = alice.client
    let isAway = true
    peer.on('PUT', /\/v1\/send\//, (request) => (isAway ? Response.json({}, { status: 503 }) : peer.honest(request)))
    for (let n = 0; n < 10; n += 1) {
      await alice.client.call('PUT', `/v3/sendToDevice/m.test/away${n}`, { body: { messages: { [eve]: { DEVICE: { n } } } } })
      if (n === 4) await alice.client.call('POST', '/v3/keys/upload', { body: { device_keys: deviceKeysOf({ userId, deviceId }) } })
    }
    await world.here.process.kill9()
    await world.here.process.restart()
    isAway = false
    const before = peer.requests.length
    // The peer shows up.
    await tell()
    const delivered = (): JsonObject[] => edusOf('m.direct_to_device').filter((_, index, all) => index >= all.length - 10)
    await eventually(
      async () => {
        await tell()
        const acknowledged = peer.requests.slice(before).filter(({ path }) => path.includes('/v1/send/'))
        return acknowledged.flatMap((request) => (bodyOf(request).edus as JsonObject[] | undefined) ?? []).length
      },
      (count) => count >= 11,
      100_000,
    )
    const texts = delivered().map(({ messages }) => ((messages as JsonObject)[eve] as JsonObject).DEVICE)
    expect(texts).toEqual(Array.from({ length: 10 }, (_, n) => ({ n })))
    expect(edusOf('m.device_list_update').at(-1)).toMatchObject({ user_id: userId, device_id: deviceId })
  })
})
