import { env, exports } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { requestsInFlight } from '../../../src/runtime/draining.ts'
import { call, registerAccount, type TestSession } from '../../support/api-client.ts'
import { HostileInternet } from '../../support/hostile-internet.ts'
import { flood, HostileServer } from '../../support/hostile-server.ts'
import { download, getFile, pathOf, someBytes, uploadFile } from '../../support/media-api.ts'

const DOWNLOAD = /^\/_matrix\/federation\/v1\/media\/download\//
const LEGACY = /^\/_matrix\/media\/v3\/download\//
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
let names = 0
let internet: HostileInternet
let peer: HostileServer
let alice: TestSession

beforeEach(async () => {
  names += 1
  internet = new HostileInternet().install()
  peer = new HostileServer(`media${names}.example`, 1)
  internet.server(peer)
  alice = await registerAccount()
})
afterEach(() => {
  vi.restoreAllMocks()
})

interface Part {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** A multipart answer with the given second part. */
function multipart(part: Part, boundary = 'b0undary'): Response {
  const fields = Object.entries(part.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `--${boundary}\r\nContent-Type: application/json\r\n\r\n{}\r\n--${boundary}\r\n${fields.join('')}\r\n`
  return new Response(new Blob([head, part.body ?? '', `\r\n--${boundary}--\r\n`]), {
    headers: { 'content-type': `multipart/mixed; boundary=${boundary}` },
  })
}

const refused = (status: number, errcode: string): Response => Response.json({ errcode, error: 'no' }, { status })
const get = (mediaId: string, token = alice) => download(token, `mxc://${peer.serverName}/${mediaId}`)

describe('a file of another server', () => {
  it('is asked for with a signature, kept, and asked for once', async () => {
    const file = someBytes(200_000)
    peer.on('GET', DOWNLOAD, () =>
      multipart({ headers: { 'content-type': 'image/png', 'content-disposition': `inline; filename*=utf-8''%E2%98%95.png` }, body: file }),
    )
    const first = await get('abc')
    expect([first.status, Buffer.compare(first.bytes, file)]).toEqual([200, 0])
    expect(first.headers.get('content-type')).toBe('image/png')
    expect(first.headers.get('content-disposition')).toBe("inline; filename*=utf-8''%E2%98%95.png")
    expect((await get('abc', await registerAccount())).bytes.length).toBe(file.length)
    const asked = peer.requests.filter(({ path }) => DOWNLOAD.test(path))
    expect(asked.map(({ uri }) => uri)).toEqual(['/_matrix/federation/v1/media/download/abc?timeout_ms=20000'])
    expect(asked[0]?.headers.get('authorization')).toMatch(/^X-Matrix /)
  })

  it('may hold what looks like a boundary, and come byte by byte', async () => {
    const file = `\r\n--b0undar\r\n--b0undarx\r\n\r\n--b0und\r--b0undary\n--b0undary`
    peer.on('GET', DOWNLOAD, async () => {
      const whole = new Uint8Array(await multipart({ body: file }).arrayBuffer())
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (const byte of whole) controller.enqueue(new Uint8Array([byte]))
          controller.close()
        },
      })
      return new Response(body, { headers: { 'content-type': 'multipart/mixed; charset=x; boundary="b0undary"' } })
    })
    const { bytes, headers } = await get('tricky')
    expect(textOf(bytes)).toBe(file)
    expect(headers.get('content-type')).toBe('application/octet-stream')
  })

  it('is fetched once however many want it at the same time', async () => {
    peer.on('GET', DOWNLOAD, async () => {
      // Not before all of them want it. What runs elsewhere cannot wait for a promise of the test's.
      while (requestsInFlight() < 5) await new Promise((resolve) => setTimeout(resolve, 5))
      return multipart({ body: 'x' })
    })
    const answers = await Promise.all(Array.from({ length: 5 }, () => get('crowd')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(peer.asked(DOWNLOAD)).toBe(1)
  })

  it('is asked for the old way where the server knows no other, and not handed on by a third', async () => {
    peer.on(
      'GET',
      LEGACY,
      () => new Response('old', { headers: { 'content-type': 'text/plain', 'content-disposition': 'inline; filename=a.txt' } }),
    )
    const { bytes, headers } = await get('old')
    expect([textOf(bytes), headers.get('content-disposition')]).toEqual(['old', 'inline; filename="a.txt"'])
    const [asked] = peer.requests.filter(({ path }) => LEGACY.test(path))
    expect(asked?.uri).toContain('allow_remote=false')
    expect(asked?.headers.get('authorization')).toBeNull()
  })

  it('is not asked for the old way where the server knows better', async () => {
    peer.on('GET', DOWNLOAD, () => refused(404, 'M_NOT_FOUND'))
    expect(await get('gone')).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' })
    expect(peer.asked(LEGACY)).toBe(0)
    // Nor again at once.
    expect((await get('gone')).status).toBe(404)
    expect(peer.asked(DOWNLOAD)).toBe(1)
  })

  it('may lie elsewhere; nothing is sent there that proves who asks', async () => {
    let seen: Headers | undefined
    internet.host('cdn.example:443', (request) => {
      seen = request.headers
      return new Response('far', { headers: { 'content-type': 'text/plain' } })
    })
    peer.on('GET', DOWNLOAD, () => multipart({ headers: { location: 'https://cdn.example/file' } }))
    expect(textOf((await get('far')).bytes)).toBe('far')
    expect(seen?.get('authorization')).toBeNull()
  })

  it.each([
    'http://cdn.example/x',
    'https://127.0.0.1/x',
    'https://[::1]/x',
    'https://localhost/x',
    'https://user@cdn.example/x',
    'file:///x',
    '/x',
  ])('is not fetched from %s (M3, M6)', async (location) => {
    peer.on('GET', DOWNLOAD, () => multipart({ headers: { location } }))
    const before = internet.asked.length
    expect(await get('guarded')).toMatchObject({ status: 502, errcode: 'M_UNKNOWN' })
    expect(internet.asked.slice(before).filter((url) => !url.includes(peer.serverName))).toEqual([])
  })

  it('that is being uploaded is not there yet', async () => {
    peer.on('GET', DOWNLOAD, () => refused(504, 'M_NOT_YET_UPLOADED'))
    expect(await get('slow')).toMatchObject({ status: 504, errcode: 'M_NOT_YET_UPLOADED' })
  })

  it.each<[string, () => Response]>([
    ['no multipart', () => new Response('x', { headers: { 'content-type': 'text/plain' } })],
    ['no boundary', () => new Response('x', { headers: { 'content-type': 'multipart/mixed' } })],
    [
      'one part',
      () =>
        new Response('--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--', {
          headers: { 'content-type': 'multipart/mixed; boundary=b' },
        }),
    ],
    [
      'an end in the middle',
      () => new Response('--b\r\n\r\n{}\r\n--b\r\n\r\nhalf', { headers: { 'content-type': 'multipart/mixed; boundary=b' } }),
    ],
    ['endless metadata', () => new Response(flood().body, { headers: { 'content-type': 'multipart/mixed; boundary=b' } })],
    ['endless headers', () => multipart({ headers: { x: 'y'.repeat(100_000) } })],
  ])('is not believed in an answer with %s (M3)', async (_, answer) => {
    peer.on('GET', DOWNLOAD, answer)
    const before = (await env.MEDIA.list()).objects.length
    expect(await get('odd')).toMatchObject({ status: 502, errcode: 'M_UNKNOWN' })
    expect((await env.MEDIA.list()).objects.length).toBe(before)
  })

  it('is not larger than allowed', async () => {
    const token = alice.token
    peer.on('GET', DOWNLOAD, () => multipart({ body: someBytes(1_001) }))
    const path = `/_matrix/client/v1/media/download/${peer.serverName}/large`
    const answer = await getFile(path, { token, variables: { MYELIN_MEDIA_REMOTE_MAX_BYTES: '1000' } })
    expect(answer).toMatchObject({ status: 502, errcode: 'M_TOO_LARGE' })
  })

  it('is fetched for nobody without end (O6)', async () => {
    peer.on('GET', DOWNLOAD, () => refused(404, 'M_NOT_FOUND'))
    const variables = { MYELIN_RATE_LIMITS: 'on' }
    const path = (index: number) => `/_matrix/client/v1/media/download/${peer.serverName}/many${index}`
    const ask = (index: number) => getFile(path(index), { token: alice.token, variables })
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now)
    for (let index = 0; index < 300; index += 1) expect((await ask(index)).status).toBe(404)
    expect(await ask(300)).toMatchObject({ status: 429, errcode: 'M_LIMIT_EXCEEDED' })
    vi.mocked(Date.now).mockReturnValue(now + 1_000)
    expect((await ask(300)).status).toBe(404)
  })

  it('is not fetched for somebody without an access token, and not found by them either (M3)', async () => {
    peer.on('GET', DOWNLOAD, () => multipart({ body: 'x' }))
    const path = `/_matrix/media/v3/download/${peer.serverName}/private`
    expect((await getFile(path)).status).toBe(404)
    expect(peer.requests).toEqual([])
    expect((await get('private')).status).toBe(200)
    expect((await getFile(path)).status).toBe(404)
  })
})

describe('files of this server, asked for by others', () => {
  const ask = async (mediaId: string, query = '?timeout_ms=0') => {
    const response = await exports.default.fetch(
      peer.signedRequest('GET', `https://test.example/_matrix/federation/v1/media/download/${mediaId}${query}`),
    )
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      text: await response.text(),
    }
  }

  it('are sent with their type and name in the second of two parts', async () => {
    const uri = await uploadFile(alice, 'hello', { type: 'text/plain', filename: 'a b.txt' })
    const { status, type, text } = await ask(pathOf(uri).split('/')[1] ?? '')
    const [, boundary = ''] = /^multipart\/mixed; boundary=(\w{40})$/.exec(type) ?? []
    expect(status).toBe(200)
    expect(text).toBe(
      [
        `--${boundary}`,
        'Content-Type: application/json',
        '',
        '{}',
        `--${boundary}`,
        'Content-Type: text/plain',
        'Content-Disposition: inline; filename="a b.txt"',
        '',
        'hello',
        `--${boundary}--`,
        '',
      ].join('\r\n'),
    )
  })

  it('are only those of this server, uploaded, and only for servers that say who they are', async () => {
    peer.on('GET', DOWNLOAD, () => multipart({ body: 'x' }))
    await get('theirs')
    expect((await ask('theirs')).status).toBe(404)
    expect((await ask('unknown')).status).toBe(404)
    expect((await ask('a.b')).status).toBe(404)
    const created = await call('POST', '/_matrix/media/v1/create', { token: alice.token })
    const pending = await ask(pathOf(created.body.content_uri).split('/')[1] ?? '')
    expect([pending.status, JSON.parse(pending.text).errcode]).toEqual([504, 'M_NOT_YET_UPLOADED'])
    const uri = await uploadFile(alice, 'x')
    expect((await getFile(`/_matrix/federation/v1/media/download/${pathOf(uri).split('/')[1]}`)).status).toBe(401)
  })
})
