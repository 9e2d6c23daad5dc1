import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MAX_DEVICES_PER_PUSH, MAX_PUSHES_PER_GATEWAY, MAX_WAITING_PUSHES } from '../../../../src/federation/outbound/limits.ts'
import { OutboundError, RemoteRefusal } from '../../../../src/federation/outbound/outbound-error.ts'
import { PushGateways, type PushMessage, type SentPush } from '../../../../src/federation/outbound/push/push-gateways.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'

const URL = 'https://push.example/_matrix/push/v1/notify'
const message = (pushkey: string, eventId = '$event', appId = 'app'): PushMessage => ({
  url: URL,
  content: { event_id: eventId },
  device: { app_id: appId, data: {} },
  pushkey,
  pushkeyTs: 1,
})
const keysOf = (notification: JsonObject): unknown[] =>
  Array.isArray(notification.devices) ? notification.devices.map((device) => (device as JsonObject).pushkey) : []

let requests: JsonObject[] = []
let answer: (notification: JsonObject) => Promise<ReadonlySet<string>> = async () => new Set()
let gateways: PushGateways
const work: Promise<void>[] = []

function post(...messages: readonly PushMessage[]): SentPush[] {
  return messages.map((one) => {
    const posted = gateways.post(one)
    if (posted.work !== undefined) work.push(posted.work)
    return posted.sent
  })
}
/** Everything that is under way ends. */
async function done(): Promise<void> {
  await vi.runAllTimersAsync()
  await Promise.all(work.splice(0))
}

beforeEach(() => {
  work.splice(0)
  vi.useFakeTimers()
  requests = []
  answer = async () => new Set()
  gateways = new PushGateways(
    async (_url, notification) => {
      requests.push(notification)
      return await answer(notification)
    },
    () => Date.now(),
  )
})
afterEach(() => vi.useRealTimers())

describe('notifications for one gateway', () => {
  it('that say the same to the same app travel together, up to a bound; others apart', async () => {
    const same = Array.from({ length: MAX_DEVICES_PER_PUSH + 1 }, (_, index) => message(`key ${index}`))
    const sent = post(...same, message('other event', '$other'), message('other app', '$event', 'app2'))
    await done()
    expect(sent.map(({ verdict }) => verdict)).toEqual(sent.map(() => 'delivered'))
    expect(requests.map((request) => keysOf(request).length).toSorted((a, b) => b - a)).toEqual([MAX_DEVICES_PER_PUSH, 1, 1, 1])
  })

  it('are carried by whoever posts first', () => {
    const [first, ...others] = [message('a'), message('b'), message('c')].map((one) => gateways.post(one).work)
    expect(first).toBeInstanceOf(Promise)
    expect(others).toEqual([undefined, undefined])
  })

  it('are rejected one by one', async () => {
    answer = async () => new Set(['b'])
    const sent = post(message('a'), message('b'))
    await done()
    expect(sent.map(({ verdict }) => verdict)).toEqual(['delivered', 'rejected'])
  })

  it('that the gateway refuses together are tried alone: one bad device silences nobody else', async () => {
    answer = async (notification) => {
      if (keysOf(notification).includes('bad')) throw new RemoteRefusal(400, undefined, 'no')
      return new Set()
    }
    const sent = post(message('a'), message('bad'), message('c'))
    await done()
    expect(sent.map(({ verdict }) => verdict)).toEqual(['delivered', 'failed', 'delivered'])
    expect(requests.length).toBe(4)
  })

  it('all fail where the gateway cannot be reached, in one attempt', async () => {
    answer = async () => {
      throw new OutboundError('unreachable', 'nobody there')
    }
    const sent = post(message('a'), message('b'))
    await done()
    expect(sent.map(({ verdict }) => verdict)).toEqual(['failed', 'failed'])
    expect(requests.length).toBe(1)
  })

  it('are under way in bounded number, and the rest follows', async () => {
    let underWay = 0
    let most = 0
    answer = async () => {
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise<void>((resolve) => setTimeout(resolve, 100))
      underWay -= 1
      return new Set()
    }
    const sent = post(...Array.from({ length: 50 }, (_, index) => message(`key ${index}`, `$event ${index}`)))
    await done()
    expect(most).toBe(MAX_PUSHES_PER_GATEWAY)
    expect(sent.every(({ verdict }) => verdict === 'delivered')).toBe(true)
  })

  it('wait in bounded number', () => {
    for (let posted = 0; posted < MAX_WAITING_PUSHES; posted += 1) post(message(`key ${posted}`))
    expect(post(message('one too many'))[0]?.verdict).toBe('failed')
  })

  it('go on when the object that gathered them has ended', async () => {
    const orphan = gateways.post(message('a')).sent
    vi.clearAllTimers()
    await vi.advanceTimersByTimeAsync(20_000)
    const [next] = post(message('b'))
    await done()
    expect([orphan.verdict, next?.verdict]).toEqual(['delivered', 'delivered'])
  })
})
