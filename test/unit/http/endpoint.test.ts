import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { endpointsFor } from '../../../src/http/endpoint.ts'
import { rawJson } from '../../../src/http/json-response.ts'
import { clientPaths } from '../../../src/http/path.ts'
import { createRouter } from '../../../src/http/router.ts'
import { queryBoolean, queryInteger, queryList } from '../../../src/http/schema/query.ts'

const VARIABLES = {
  MYELIN_SERVER_NAME: 'unit.example',
  MYELIN_SECRET: Buffer.alloc(32, 1).toString('base64'),
  MYELIN_SIGNING_KEY: `ed25519 a ${Buffer.alloc(32, 2).toString('base64').replace(/=+$/, '')}`,
  MYELIN_RATE_LIMITS: 'off',
}
const EXECUTION = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }

let closed = 0
const endpoint = endpointsFor<{ close(): void }>()
const echo = endpoint(
  {
    method: 'PUT',
    path: clientPaths('state/:type/:stateKey?'),
    auth: 'none',
    rateLimit: 'none',
    params: z.object({ type: z.string(), stateKey: z.string().default('') }),
    query: z.object({ limit: queryInteger().optional(), full: queryBoolean().default(false), via: queryList() }),
    body: z.object({ text: z.string() }),
    numbers: 'integers',
  },
  ({ params, query, body }) => ({ ...params, ...query, ...body }),
)
const raw = endpoint({ method: 'GET', path: '/raw', auth: 'none', rateLimit: 'none' }, () => rawJson('{"joined":[1,2]}'))
const broken = endpoint({ method: 'GET', path: '/broken', auth: 'none', rateLimit: 'none' }, () => {
  throw new Error('secret detail')
})
const plain = endpoint({ method: 'GET', path: '/plain', auth: 'none', rateLimit: 'none' }, () => new Response('text', { status: 203 }))
const app = createRouter([echo, raw, broken, plain], () => ({
  close: () => {
    closed += 1
  },
}))

async function send(method: string, path: string, body?: string) {
  const request = new Request(`https://unit.example${path}`, body === undefined ? { method } : { method, body })
  const response = await app.fetch(request, VARIABLES as never, EXECUTION as never)
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

describe('an endpoint', () => {
  it('gives its handler parsed and typed input', async () => {
    const answer = await send('PUT', '/_matrix/client/v3/state/m.x/key%2F1?limit=-5&full=true&via=a&via=b', '{"text":"t"}')
    expect(answer.body).toEqual({ type: 'm.x', stateKey: 'key/1', limit: -5, full: true, via: ['a', 'b'], text: 't' })
  })

  it('may have an empty last segment, with and without the slash', async () => {
    for (const path of ['/_matrix/client/v3/state/m.x', '/_matrix/client/r0/state/m.x/']) {
      expect((await send('PUT', path, '{"text":"t"}')).body).toMatchObject({ type: 'm.x', stateKey: '' })
    }
  })

  it.each([
    ['?limit=x', '{"text":"t"}', 'M_INVALID_PARAM'],
    ['?limit=1.5', '{"text":"t"}', 'M_INVALID_PARAM'],
    ['?limit=1&limit=2', '{"text":"t"}', 'M_INVALID_PARAM'],
    ['?full=yes', '{"text":"t"}', 'M_INVALID_PARAM'],
    ['', '{}', 'M_MISSING_PARAM'],
    ['', '{"text":5}', 'M_BAD_JSON'],
    ['', '{"text":"t","number":1.5}', 'M_BAD_JSON'],
    ['', '{"text":"t","number":1.0}', 'M_BAD_JSON'],
    ['', '{"text":"t","number":9007199254740992}', 'M_BAD_JSON'],
    ['', '', 'M_NOT_JSON'],
  ])('refuses %s with body %s as %s', async (query, body, errcode) => {
    expect((await send('PUT', `/_matrix/client/v3/state/m.x${query}`, body)).body.errcode).toBe(errcode)
  })

  it('may answer with JSON that is text already, or with a whole response', async () => {
    expect((await send('GET', '/raw')).text).toBe('{"joined":[1,2]}')
    const answer = await send('GET', '/plain')
    expect([answer.status, answer.text, answer.headers.get('Access-Control-Allow-Origin')]).toEqual([203, 'text', '*'])
  })

  it('that fails says nothing but its request ID, and its context is closed', async () => {
    const before = closed
    const answer = await send('GET', '/broken')
    expect(answer.status).toBe(500)
    expect(answer.body).toEqual({ errcode: 'M_UNKNOWN', error: expect.stringMatching(/^Internal server error \(request \S+\)$/) })
    expect(closed).toBe(before + 1)
  })
})
