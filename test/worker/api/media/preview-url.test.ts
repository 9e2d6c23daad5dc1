import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ImageCodec } from '../../../../src/domain/media/image/photon.ts'
import type { Env } from '../../../../src/runtime/bindings.ts'
import { type Answer, call, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { flood } from '../../../support/hostile-server.ts'
import { image } from '../../../support/images.ts'
import { download } from '../../../support/media-api.ts'

let names = 0
let host: string
let internet: HostileInternet
let alice: TestSession
let seen: Headers[]

beforeEach(async () => {
  names += 1
  host = `site${names}.example`
  internet = new HostileInternet().install()
  seen = []
  alice = await registerAccount()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const preview = (url: string, variables: Partial<Env> = {}): Promise<Answer> =>
  call('GET', `/_matrix/client/v1/media/preview_url?url=${encodeURIComponent(url)}`, { token: alice.token, variables })

/** Puts pages by path on a host. */
function site(pages: Readonly<Record<string, () => Response>>, name = host): void {
  internet.host(`${name}:443`, (request) => {
    seen.push(request.headers)
    return pages[new URL(request.url).pathname]?.() ?? new Response('nothing here', { status: 404 })
  })
}

const html =
  (text: string | Uint8Array, type = 'text/html; charset=utf-8') =>
  () =>
    new Response(text, { headers: { 'content-type': type } })
const meta = (properties: Readonly<Record<string, string>>) =>
  Object.entries(properties)
    .map(([name, content]) => `<meta property="${name}" content="${content}">`)
    .join('')

describe('a preview', () => {
  it('says what the page says of itself, with its image kept here', async () => {
    const file = new ImageCodec().png({ width: 30, height: 20, data: new Uint8Array(2_400) })
    site({
      '/page': html(
        `<html><head><title>Not this</title>${meta({ 'og:title': 'A &amp; B &#9749;', 'og:type': 'article', 'og:image': '/a.png', 'og:image:width': '9' })}</head></html>`,
      ),
      '/a.png': () => new Response(file, { headers: { 'content-type': 'image/png' } }),
    })
    const { status, body } = await preview(`https://${host}/page#part`)
    expect(status).toBe(200)
    expect(body).toEqual({
      'og:title': 'A & B \u2615',
      'og:type': 'article',
      'og:image': expect.stringMatching(/^mxc:\/\/test\.example\/\w{24}$/),
      'og:image:type': 'image/png',
      'og:image:width': 30,
      'og:image:height': 20,
      'matrix:image:size': file.length,
    })
    expect(Buffer.compare((await download(alice, body['og:image'])).bytes, file)).toBe(0)
    for (const headers of seen)
      expect([headers.get('authorization'), headers.get('cookie'), headers.get('x-forwarded-for')]).toEqual([null, null, null])
  })

  it('is made once, for everybody', async () => {
    site({ '/': html('<title>Here</title><svg><title>Not here</title></svg>') })
    const url = `https://${host}/`
    expect((await preview(url)).body).toEqual({ 'og:title': 'Here' })
    site({ '/': html('<html><head><title>There</title><meta name="description" content="D"></head></html>') }, `www.${host}`)
    expect((await preview(`https://www.${host}/`)).body).toEqual({ 'og:title': 'There', 'og:description': 'D' })
    alice = await registerAccount()
    expect((await preview(`https://www.${host}/`)).body).toEqual({ 'og:title': 'There', 'og:description': 'D' })
    expect(internet.asked.filter((asked) => asked.includes('www.'))).toHaveLength(1)
  })

  it('is of an image, where the URL is one’s', async () => {
    site({ '/x': () => new Response(image('turnedJpeg'), { headers: { 'content-type': 'image/jpeg' } }) })
    expect((await preview(`http://${host}/x`)).body).toMatchObject({
      'og:image:type': 'image/jpeg',
      'og:image:width': 100,
      'og:image:height': 200,
    })
  })

  it('is nothing of everything else', async () => {
    site({
      '/pdf': html('%PDF', 'application/pdf'),
      '/svg': html('<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml'),
      '/lie': html('<html></html>', 'image/png'),
      '/broken': html(`<head>${meta({ 'og:title': 't', 'og:image': 'https://missing.example/x.png' })}</head>`),
    })
    expect([
      (await preview(`https://${host}/pdf`)).body,
      (await preview(`https://${host}/svg`)).body,
      (await preview(`https://${host}/lie`)).body,
    ]).toEqual([{}, {}, {}])
    expect((await preview(`https://${host}/broken`)).body).toEqual({ 'og:title': 't' })
    expect(await preview(`https://${host}/none`)).toMatchObject({ status: 502, body: { errcode: 'M_UNKNOWN' } })
  })

  it('can be read in whatever characters the page is written', async () => {
    const latin = Uint8Array.from('<head><title>caf\u00e9</title></head>', (char) => char.charCodeAt(0))
    site({
      '/header': html(latin, 'text/html; charset=ISO-8859-1'),
      '/meta': html(Buffer.concat([Buffer.from('<meta charset="windows-1252">'), latin])),
      '/wrong': html('<head><title>a</title></head>', 'text/html; charset=no-such'),
    })
    site({ '/meta': html(Buffer.concat([Buffer.from('<meta charset="windows-1252">'), latin]), 'text/html') }, `m.${host}`)
    expect((await preview(`https://${host}/header`)).body['og:title']).toBe('caf\u00e9')
    expect((await preview(`https://m.${host}/meta`)).body['og:title']).toBe('caf\u00e9')
    expect((await preview(`https://${host}/wrong`)).body['og:title']).toBe('a')
  })
})

describe('what previews do not do (M6, M7)', () => {
  it('ask nobody on this machine or its network, nor follow anybody there', async () => {
    const inward = [
      'http://127.0.0.1/',
      'http://localhost/',
      'https://[::1]/',
      'http://0x7f.1/',
      'http://10.0.0.1:8080/',
      'http://169.254.169.254/latest',
    ]
    for (const url of inward) expect((await preview(url)).status).toBe(502)
    for (const [index, location] of [...inward, 'file:///etc/passwd', 'https://a:b@x.example/'].entries()) {
      site({ [`/${index}`]: () => new Response(null, { status: 302, headers: { location } }) })
      expect((await preview(`https://${host}/${index}`)).status).toBe(502)
      site({ [`/page${index}`]: html(`<head>${meta({ 'og:title': 't', 'og:image': location })}</head>`) })
      expect((await preview(`https://${host}/page${index}`)).body).toEqual({ 'og:title': 't' })
    }
    expect(internet.asked.every((url) => url.startsWith(`https://${host}/`))).toBe(true)
  })

  it('ask nobody whom the operator does not want to be asked, at any step', async () => {
    const variables = { MYELIN_URL_PREVIEW_DENY: 'denied.example, *.other.example' }
    for (const denied of ['denied.example', 'www.denied.example', 'other.example']) {
      expect((await preview(`https://${denied}/`, variables)).status).toBe(502)
      site({ [`/${denied}`]: () => new Response(null, { status: 301, headers: { location: `https://${denied}/` } }) })
      expect((await preview(`https://${host}/${denied}`, variables)).status).toBe(502)
    }
    expect(internet.asked.every((url) => url.startsWith(`https://${host}/`))).toBe(true)
  })

  it('read no more than the start of a page, and follow no circle', async () => {
    const start = new TextEncoder().encode('<html><head><title>Endless</title>')
    site({
      '/flood': () => {
        const rest = flood().body
        const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
        const send = async (): Promise<void> => {
          const writer = writable.getWriter()
          await writer.write(start)
          writer.releaseLock()
          await rest?.pipeTo(writable)
        }
        send().catch(() => undefined)
        return new Response(readable, { headers: { 'content-type': 'text/html' } })
      },
      '/circle': () => new Response(null, { status: 302, headers: { location: '/circle' } }),
      '/image': () => new Response(flood().body, { headers: { 'content-type': 'image/png' } }),
    })
    expect((await preview(`https://${host}/flood`)).body).toEqual({ 'og:title': 'Endless' })
    expect((await preview(`https://${host}/image`)).body).toEqual({})
    const before = internet.asked.length
    expect((await preview(`https://${host}/circle`)).status).toBe(502)
    expect(internet.asked.length - before).toBe(6)
  })

  it('hand on more than a bounded number of properties, each of a bounded length', async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`og:p${index}`, 'x'.repeat(5_000)]))
    site({ '/': html(`<head>${meta({ ...many, 'og:<script>': 'x', 'twitter:title': 'x' })}</head>`) })
    const { body } = await preview(`https://${host}/`)
    expect(Object.keys(body)).toHaveLength(40)
    expect(body['og:p0']).toHaveLength(1_000)
  })

  it('are for users, of URLs of pages, and not where they are switched off', async () => {
    expect((await call('GET', '/_matrix/client/v1/media/preview_url?url=https://x.example/')).status).toBe(401)
    for (const url of ['', 'x', 'ftp://x.example/', 'file:///etc/passwd', `https://x.example/${'x'.repeat(3_000)}`]) {
      expect(await preview(url)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    }
    expect(await preview(`https://${host}/`, { MYELIN_URL_PREVIEWS: 'off' })).toMatchObject({
      status: 404,
      body: { errcode: 'M_UNRECOGNIZED' },
    })
    expect(internet.asked).toEqual([])
  })
})
