import { beforeAll, describe, expect, it } from 'vitest'
import { call, registerAccount, type TestSession } from '../../../support/api-client.ts'

let session: TestSession
beforeAll(async () => {
  session = await registerAccount()
})

/** Sets account data with a raw body; the plainest endpoint that takes any JSON object. */
const put = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  call('PUT', `/user/${session.userId}/account_data/test`, { token: session.token, body, headers })
const MAX_BODY_BYTES = 1024 * 1024

/** A stream that gives `chunks` pieces of 64 KiB and remembers how many were taken. */
function endless(chunks: number) {
  let taken = 0
  const piece = new Uint8Array(64 * 1024).fill(0x20)
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken >= chunks) controller.close()
        else {
          taken += 1
          controller.enqueue(piece)
        }
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, taken: () => taken }
}

describe('the size of a body (P1)', () => {
  it('is refused by its Content-Length, and when there is none as soon as the limit is passed', async () => {
    expect(await put('x'.repeat(MAX_BODY_BYTES + 1))).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    const body = endless(1_000)
    expect(await put(body.stream)).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    expect(body.taken()).toBeLessThan(30)
  })

  it('is not taken from a Content-Length that is too small', async () => {
    const body = endless(1_000)
    expect((await put(body.stream, { 'Content-Length': '10' })).status).toBe(413)
    expect(body.taken()).toBeLessThan(30)
  })

  it('is not taken from a Content-Length that is too small, whatever kind of stream it is', async () => {
    const bytes = new TextEncoder().encode('{"a":1}')
    const headers = { 'Content-Length': String(bytes.length - 2) }
    const stream = new Blob([bytes]).stream()
    expect((await put(stream, headers)).status).not.toBe(200)
    for (const length of [bytes.length, bytes.length + 5]) {
      expect((await put(new Blob([bytes]).stream(), { 'Content-Length': String(length) })).status).toBe(200)
    }
  })

  it('may be just below the limit', async () => {
    const body = JSON.stringify({ padding: 'x'.repeat(200_000) })
    expect((await put(`${body}${' '.repeat(MAX_BODY_BYTES - body.length)}`)).status).toBe(200)
  })
})

describe('the JSON of a body', () => {
  it('counts whatever the content type says', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1']) {
      expect((await put('{"a":1}', { 'Content-Type': type })).status).toBe(200)
    }
  })

  it.each([
    ['nothing', ''],
    ['no JSON', 'nonsense'],
    ['half an object', '{"a":'],
    ['bytes after the value (P3)', '{"a":1}x'],
    ['two values', '{}{}'],
    ['a comment', '{/* */}'],
    ['a trailing comma', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['NaN', '{"a":NaN}'],
    ['Infinity', '{"a":Infinity}'],
    ['a byte order mark (P3)', '\ufeff{}'],
    ['invalid UTF-8 (P3)', Uint8Array.of(0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d)],
    ['an encoded surrogate (P3)', Uint8Array.of(0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d)],
    ['a raw line break in a string', '{"a":"\n"}'],
  ])('is refused as M_NOT_JSON when it is %s', async (_what, body) => {
    expect(await put(body)).toMatchObject({ status: 400, body: { errcode: 'M_NOT_JSON' } })
  })

  it.each([
    ['an array', '[]'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['nested 100 deep (P2)', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`],
    ['nested 100,000 deep (P2)', '['.repeat(100_000)],
    ['an array of 300,000 elements (P2)', `{"a":[${'0,'.repeat(300_000)}0]}`],
    ['an object with a key twice (P4)', '{"a":1,"a":2}'],
    ['an object with a key twice, once escaped (P4)', '{"a":1,"\\u0061":2}'],
    ['an inner object with a key twice (P4)', '{"x":[{"a":1,"a":2}]}'],
    ['a lone surrogate (P3)', '{"a":"\\ud800"}'],
    ['a NUL in a string (P3)', '{"a":"\\u0000"}'],
    ['a NUL in a key (P3)', '{"a\\u0000":1}'],
  ])('is refused as M_BAD_JSON when it is %s', async (_what, body) => {
    expect(await put(body)).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  })

  it('is refused in linear time however it is nested (P2)', async () => {
    // What took quadratic time would not come to its end within the time limit of a test.
    for (const unit of ['[', '{"a":', '[[],', '"\\\\"', '[1,{"b":[']) {
      expect(await put(unit.repeat(Math.floor(MAX_BODY_BYTES / unit.length)))).toMatchObject({ status: 400 })
    }
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'])(
    'keeps %s as an ordinary key, and as an ordinary type (P7)',
    async (name) => {
      const text = `{"${name}":{"${name}":true,"polluted":"yes"},"list":[{"${name}":null}]}`
      const path = `/user/${session.userId}/account_data/${encodeURIComponent(name)}`
      expect((await call('PUT', path, { token: session.token, body: text })).status).toBe(200)
      const answer = await call('GET', path, { token: session.token })
      expect(JSON.stringify(answer.body)).toBe(text)
      expect({}).not.toHaveProperty('polluted')
    },
  )

  it('may have keys of those names beside the ones an endpoint reads (P7)', async () => {
    const body = '{"__proto__":{"display_name":"evil"},"constructor":1,"toString":2}'
    expect((await call('PUT', `/devices/${session.deviceId}`, { token: session.token, body })).status).toBe(200)
    expect((await call('GET', `/devices/${session.deviceId}`, { token: session.token })).body).not.toHaveProperty('display_name')
  })

  it('tells what is missing from what is wrong', async () => {
    const login = (body: object) => call('POST', '/login', { body })
    expect((await login({})).body).toMatchObject({ errcode: 'M_MISSING_PARAM', error: expect.stringContaining('type') })
    expect((await login({ type: 5 })).body.errcode).toBe('M_BAD_JSON')
    expect((await login({ type: null })).body.errcode).toBe('M_BAD_JSON')
    const token = session.token
    const devices = await call('POST', '/delete_devices', { token, body: { devices: [1] } })
    expect(devices.body.errcode).toBe('M_BAD_JSON')
    expect((await call('GET', '/user/nobody/account_data/x', { token })).body.errcode).toBe('M_INVALID_PARAM')
  })

  it('may be absent where every key is optional', async () => {
    expect((await call('POST', '/account/deactivate', { token: session.token })).status).toBe(401)
    expect((await call('POST', '/delete_devices', { token: session.token })).body.errcode).toBe('M_NOT_JSON')
  })
})
