import { env, exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { parkedPollCount, parkPoll } from '../../../src/domain/sync/parked-polls.ts'
import { whileOutgoing } from '../../../src/runtime/draining.ts'

const call = (method: string, path: string, token: string | undefined, body?: unknown): Promise<Response> =>
  exports.default.fetch(`https://test.example/_myelin/control${path}`, {
    method,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
const token = env.MYELIN_CONTROL_TOKEN

describe('the control routes', () => {
  it('do not exist for whoever does not know the token of this start', async () => {
    for (const wrong of [undefined, '', 'x', token?.slice(1), `${token}x`]) {
      for (const [method, path] of [
        ['GET', '/metrics'],
        ['POST', '/drain'],
        ['POST', '/abort'],
        ['GET', '/nothing'],
      ] as const) {
        const response = await call(method, path, wrong)
        expect(response.status).toBe(404)
        expect(await response.json()).toMatchObject({ errcode: 'M_UNRECOGNIZED' })
      }
    }
    expect(parkedPollCount()).toBe(0)
  })

  it('tell what has been spent', async () => {
    const response = await call('GET', '/metrics', token)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ costs: { rowsWritten: expect.any(Number) }, parkedPolls: 0 })
  })

  it('end one life of an object', async () => {
    const constructed = async (): Promise<number> => {
      const answer = await (await call('GET', '/metrics', token)).json<{ costs: { construct?: number } }>()
      return answer.costs.construct ?? 0
    }
    const before = await constructed()
    for (let life = 1; life <= 2; life += 1) {
      expect((await call('POST', '/abort', token, { object: 'room', name: '!gone:test.example' })).status).toBe(200)
      expect((await constructed()) - before).toBe(life)
    }
  })

  it('refuse to end what is not an object', async () => {
    for (const body of [{}, { object: 'planet', name: 'x' }, { object: 'user', name: '' }, 'x']) {
      expect((await call('POST', '/abort', token, body)).status).toBe(400)
    }
  })

  it('let waiting polls answer when the server is told to stop, and park nothing any more', async () => {
    let released = 0
    parkPoll(() => {
      released += 1
    })
    const unpark = parkPoll(() => {
      released += 100
    })
    unpark()
    const response = await call('POST', '/drain', token)
    expect(await response.json()).toEqual({ released: 1, requestsInFlight: 0 })
    expect(released).toBe(1)
    parkPoll(() => {
      released += 10
    })
    expect(released).toBe(11)
  })

  it('wait, when the server is told to stop, for what is on its way to other servers', async () => {
    const order: string[] = []
    const sending = Promise.withResolvers<void>()
    const sent = whileOutgoing(sending.promise)
    const drained = call('POST', '/drain', token).then(() => order.push('drained'))
    expect((await call('GET', '/metrics', token)).status).toBe(200)
    order.push('sent')
    sending.resolve()
    await Promise.all([sent, drained])
    expect(order).toEqual(['sent', 'drained'])
  })
})
