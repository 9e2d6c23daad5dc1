import { createExecutionContext, runDurableObjectAlarm, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RequestContext } from '../../../src/domain/context.ts'
import type { RoomEventsPage } from '../../../src/durable/remote-server/parts.ts'
import { Room } from '../../../src/durable/room/room.ts'
import { serverEndpoint } from '../../../src/federation/inbound/endpoint.ts'
import { findRequestKey } from '../../../src/federation/inbound/request-key.ts'
import { createRouter } from '../../../src/http/router.ts'
import { canonicalJson } from '../../../src/matrix/canonical-json.ts'
import { publicKeyOfSeed } from '../../../src/matrix/signing.ts'
import { parseXMatrix, verifyRequest } from '../../../src/matrix/x-matrix.ts'
import { HostileInternet } from '../../support/hostile-internet.ts'
import { bodyOf, HostileServer } from '../../support/hostile-server.ts'

const SEND = /\/_matrix\/federation\/v1\/send\//
let names = 0
let internet: HostileInternet
let peer: HostileServer
/** Positions of the events that every room has. */
let headPos = 0

beforeEach(() => {
  names += 1
  headPos = 0
  internet = new HostileInternet().install()
  peer = new HostileServer(`queue${names}.example`, 1)
  internet.server(peer)
  peer.on('PUT', SEND, () => Response.json({ pdus: {} }))
  const page = (_serverName: string, fromPos: number, limit: number): RoomEventsPage => {
    const end = Math.min(headPos, fromPos + limit)
    const pdus = Array.from({ length: Math.max(0, end - fromPos) }, (_, n) => JSON.stringify({ z: 1, pos: fromPos + n + 1, text: 'ü' }))
    return { pdus, nextPos: end, more: end < headPos }
  }
  vi.spyOn(Room.prototype, 'eventsForServer').mockImplementation(page)
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** A stub of its own for each call: one whose object has ended stays broken. */
const queue = () => env.REMOTE_SERVER.get(env.REMOTE_SERVER.idFromName(peer.serverName))
const sent = () => peer.requests.filter(({ path }) => SEND.test(path))
const positions = () => sent().flatMap((request) => (bodyOf(request).pdus as { pos: number }[]).map(({ pos }) => pos))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

async function tell(pos: number): Promise<void> {
  headPos = pos
  await queue().roomNews({ roomId: '!room:test.example', fromPos: 0, headPos: pos })
}

describe('the object of another server', () => {
  it('sends what rooms have, in signed transactions', async () => {
    await tell(60)
    await vi.waitFor(() => expect(positions()).toEqual(range(1, 60)))
    for (const request of sent()) {
      const header = parseXMatrix(request.headers.get('authorization') ?? '')
      const signed = { method: 'PUT', uri: request.uri, canonicalContent: canonicalJson(bodyOf(request)) }
      expect(header && verifyRequest(header, signed, peer.serverName, publicKeyOfSeed(new Uint8Array(32).fill(9)))).toBe(true)
    }
    expect(new Set(sent().map(({ path }) => path)).size).toBe(2)
  })

  it('repeats the very same transaction after its life has ended, and loses nothing', async () => {
    internet.remove(`${peer.serverName}:8448`)
    await tell(3)
    await vi.waitFor(() => expect(internet.asked.filter((url) => SEND.test(url))).toHaveLength(1))
    const [url] = internet.asked.filter((asked) => SEND.test(asked))
    await queue()
      .abortForTest()
      .then(
        () => undefined,
        () => undefined,
      )
    internet.server(peer)
    await tell(5)
    // The pause outlives the object: nothing is sent before its time, or before the server shows up.
    expect(sent()).toEqual([])
    await vi.waitFor(async () => {
      await queue().contact()
      expect(positions()).toEqual(range(1, 5))
    })
    expect(url?.endsWith(sent()[0]?.path ?? '?')).toBe(true)
  })

  it('tries again at once when the server asks something', async () => {
    internet.remove(`${peer.serverName}:8448`)
    await tell(1)
    await vi.waitFor(() => expect(internet.asked.filter((url) => SEND.test(url))).toHaveLength(1))
    internet.server(peer)
    const ping = serverEndpoint({ method: 'GET', path: '/_matrix/federation/v1/ping' }, () => ({}))
    const app = createRouter([ping], (facts) => new RequestContext(facts), findRequestKey)
    const execution = createExecutionContext()
    // Its key could not be had a moment ago: our own memory of that must not be in the way.
    const response = await app.fetch(peer.signedRequest('GET', 'https://test.example/_matrix/federation/v1/ping'), { ...env }, execution)
    expect(response.status).toBe(200)
    await waitOnExecutionContext(execution)
    await vi.waitFor(() => expect(positions()).toEqual([1]))
  })

  it('has an alarm that does what nobody else has done', async () => {
    await tell(1)
    await vi.waitFor(() => expect(positions()).toEqual([1]))
    expect(await runDurableObjectAlarm(queue())).toBe(true)
    expect(positions()).toEqual([1])
  })

  it('delivers EDUs', async () => {
    await queue().sendEdus([{ type: 'm.direct_to_device', key: undefined, body: '{"content":{"a":1},"edu_type":"m.direct_to_device"}' }])
    await vi.waitFor(() =>
      expect(sent().flatMap((request) => bodyOf(request).edus)).toEqual([{ content: { a: 1 }, edu_type: 'm.direct_to_device' }]),
    )
  })

  it('remembers what it has answered (F4)', async () => {
    expect(await queue().beginTransaction('a')).toEqual({ kind: 'process' })
    await queue().finishTransaction('a', '{"pdus":{}}')
    expect(await queue().beginTransaction('a')).toEqual({ kind: 'answered', response: '{"pdus":{}}' })
  })

  it('creates nothing for a server that is only asked about', async () => {
    await queue().contact()
    await queue().beginTransaction('a')
    await queue().abandonTransaction('a')
    expect(await runDurableObjectAlarm(queue())).toBe(false)
  })
})
