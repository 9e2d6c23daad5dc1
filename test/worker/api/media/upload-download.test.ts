import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { objectsOf } from '../../../../src/durable/objects.ts'
import { call, registerAccount } from '../../../support/api-client.ts'
import { download, getFile, inPieces, pathOf, someBytes, tryUpload, uploadFile } from '../../../support/media-api.ts'

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const MIB = 1_024 * 1_024

describe('a file', () => {
  it('is downloaded as it was uploaded, with its type and name, by every user', async () => {
    const [alice, bob] = [await registerAccount(), await registerAccount()]
    const uri = await uploadFile(alice, 'hello', { type: 'text/plain; charset=utf-8', filename: 'greeting.txt' })
    expect(uri).toMatch(/^mxc:\/\/test\.example\/[A-Za-z0-9]{24}$/)
    const { status, headers, bytes } = await download(bob, uri)
    expect([status, textOf(bytes)]).toEqual([200, 'hello'])
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(headers.get('content-disposition')).toBe('inline; filename="greeting.txt"')
  })

  it('may be empty, and need have neither type nor name', async () => {
    const alice = await registerAccount()
    const { body } = await call('POST', '/_matrix/media/v3/upload', { token: alice.token })
    const { status, headers, bytes } = await download(alice, body.content_uri)
    expect([status, bytes.length]).toEqual([200, 0])
    expect(headers.get('content-type')).toBe('application/octet-stream')
    expect(headers.get('content-disposition')).toBe('attachment')
  })

  it('is downloaded under another name where the path says so', async () => {
    const alice = await registerAccount()
    const uri = await uploadFile(alice, 'x', { filename: 'a.txt' })
    expect((await download(alice, uri, { suffix: '/b%20%E2%98%95.txt' })).headers.get('content-disposition')).toBe(
      "inline; filename*=utf-8''b%20%E2%98%95.txt",
    )
    expect((await download(alice, uri, { suffix: '/' })).headers.get('content-disposition')).toBe('inline; filename="a.txt"')
  })

  it('may come in pieces that do not say how many there are', async () => {
    const alice = await registerAccount()
    for (const length of [0, 1, 65_536, 700_000, 5 * MIB + 1]) {
      const file = someBytes(length)
      const uri = await uploadFile(alice, inPieces(file, 100_003), { type: 'application/octet-stream' })
      const { bytes } = await download(alice, uri)
      expect(bytes.length).toBe(length)
      expect(Buffer.compare(bytes, file)).toBe(0)
    }
  })

  it('needs an access token', async () => {
    const alice = await registerAccount()
    const uri = await uploadFile(alice, 'x')
    expect(await getFile(`/_matrix/client/v1/media/download/${pathOf(uri)}`)).toMatchObject({ status: 401, errcode: 'M_MISSING_TOKEN' })
    await call('POST', '/logout', { token: alice.token })
    expect(await download(alice, uri)).toMatchObject({ status: 401, errcode: 'M_UNKNOWN_TOKEN' })
    expect((await tryUpload(alice, 'x')).status).toBe(401)
  })

  it('is asked for in parts, and not again by who has it', async () => {
    const alice = await registerAccount()
    const uri = await uploadFile(alice, '0123456789')
    const part = async (range: string, headers: Record<string, string> = {}) => {
      const answer = await download(alice, uri, { headers: { range, ...headers } })
      return [answer.status, textOf(answer.bytes), answer.headers.get('content-range')]
    }
    expect(await part('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10'])
    expect(await part('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10'])
    expect(await part('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10'])
    expect(await part('bytes=5-100')).toEqual([206, '56789', 'bytes 5-9/10'])
    expect(await part('bytes=10-')).toEqual([416, '', 'bytes */10'])
    for (const odd of ['bytes=4-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-']) expect((await part(odd))[0]).toBe(200)
    const etag = (await download(alice, uri)).headers.get('etag') ?? ''
    expect((await part('bytes=0-0', { 'if-range': '"other"' }))[0]).toBe(200)
    expect((await part('bytes=0-0', { 'if-range': etag }))[0]).toBe(206)
    expect((await download(alice, uri, { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await download(alice, uri, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
  })
})

describe('what a file may do in a browser (M1)', () => {
  it.each([
    ['image/png', 'inline'],
    ['IMAGE/PNG; x=y', 'inline'],
    ['text/html', 'attachment'],
    ['image/svg+xml', 'attachment'],
    ['application/xml', 'attachment'],
    ['application/pdf', 'attachment'],
    ['text/javascript', 'attachment'],
    ['application/xhtml+xml', 'attachment'],
    ['something/else', 'attachment'],
  ])('%s is %s', async (type, kind) => {
    const alice = await registerAccount()
    const { headers } = await download(alice, await uploadFile(alice, '<script>alert(1)</script>', { type }))
    expect(headers.get('content-type')).toBe(type)
    expect(headers.get('content-disposition')).toBe(kind)
  })

  it('is nothing: it is in a sandbox, of its own type, and not for other caches', async () => {
    const alice = await registerAccount()
    const { headers } = await download(alice, await uploadFile(alice, 'x'))
    expect(headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'; script-src 'none';/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin')
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('cache-control')).toBe('private, max-age=86400, immutable')
  })

  it('no name or type of it ends a header', async () => {
    const alice = await registerAccount()
    const name = 'a"\r\nSet-Cookie: x=y; \u0000\\b.txt'
    const uri = await uploadFile(alice, 'x', { filename: name })
    const { headers } = await download(alice, uri)
    expect(headers.get('set-cookie')).toBeNull()
    expect(headers.get('content-disposition')).toBe("inline; filename*=utf-8''a%22Set-Cookie%3A%20x%3Dy%3B%20%5Cb.txt")
    for (const type of ['no type', 'text/html\u00e4', `text/${'x'.repeat(300)}`, 'text/plain; charset']) {
      expect((await download(alice, await uploadFile(alice, 'x', { type }))).headers.get('content-type')).toBe('application/octet-stream')
    }
  })
})

describe('paths that lead nowhere (M2)', () => {
  it.each([
    'test.example/..%2F..%2Fetc%2Fpasswd',
    'test.example/original%2Fabc',
    'test.example/a.b',
    `test.example/${'a'.repeat(256)}`,
    'test.example/unknownAndWellFormed',
    'not%20a%20server/abc',
    '..%2Ftest.example/abc',
    '%5B::1/abc',
  ])('%s', async (path) => {
    const alice = await registerAccount()
    for (const prefix of ['/_matrix/client/v1/media', '/_matrix/media/v3']) {
      expect(await getFile(`${prefix}/download/${path}`, { token: alice.token })).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' })
    }
  })
})

describe('limits of uploads (P1)', () => {
  const variables = { MYELIN_MEDIA_UPLOAD_MAX_BYTES: '1000' }
  const objects = async () => (await env.MEDIA.list()).objects.length

  it('clients are told how large a file may be', async () => {
    const alice = await registerAccount()
    for (const path of ['/_matrix/client/v1/media/config', '/_matrix/media/v3/config']) {
      expect((await call('GET', path, { token: alice.token })).body).toEqual({ 'm.upload.size': 50 * MIB })
      expect((await call('GET', path)).status).toBe(401)
    }
  })

  it('a larger file is refused, whatever it says of its length, and nothing is left of it', async () => {
    const alice = await registerAccount()
    const before = await objects()
    const announced = await tryUpload(alice, someBytes(1_001), { variables })
    expect([announced.status, announced.body.errcode]).toEqual([413, 'M_TOO_LARGE'])
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(MIB)) })
    const { status, body } = await tryUpload(alice, endless, { variables: { MYELIN_MEDIA_UPLOAD_MAX_BYTES: String(6 * MIB) } })
    expect([status, body.errcode]).toEqual([413, 'M_TOO_LARGE'])
    expect(await objects()).toBe(before)
    expect((await tryUpload(alice, someBytes(1_000), { variables })).status).toBe(200)
  })

  it('suspended users upload nothing (O4)', async () => {
    const [admin, alice] = [await registerAccount(), await registerAccount()]
    expect(admin.userId).not.toBe(alice.userId)
    await objectsOf(env, undefined).user(alice.userId).standing({ suspended: true }, 'test')
    const { status, body } = await tryUpload(alice, 'x')
    expect([status, body.errcode]).toEqual([403, 'M_USER_SUSPENDED'])
  })
})

describe('downloads without an access token (M3)', () => {
  const open = { MYELIN_MEDIA_UNAUTHENTICATED: 'on' }

  it('find nothing of what was uploaded while they were frozen, and everything else', async () => {
    const alice = await registerAccount()
    const [frozen, free] = [await uploadFile(alice, 'frozen'), await uploadFile(alice, 'free', { variables: open })]
    for (const version of ['v3', 'r0', 'v1']) {
      const path = `/_matrix/media/${version}/download/`
      expect(await getFile(`${path}${pathOf(frozen)}`)).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' })
      expect(await getFile(`${path}${pathOf(frozen)}`, { token: alice.token, variables: open })).toMatchObject({ status: 404 })
      expect(await getFile(`${path}${pathOf(free)}`)).toMatchObject({ status: 200 })
      expect((await getFile(`${path}${pathOf(free)}/name.txt`)).headers.get('content-disposition')).toBe('inline; filename="name.txt"')
    }
  })

  it('make this server ask no other', async () => {
    expect(await getFile('/_matrix/media/v3/download/elsewhere.example/abc')).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' })
    const path = '/_matrix/media/v3/download/elsewhere.example/abc?allow_remote=false'
    expect(await getFile(path, { variables: open })).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' })
  })
})
