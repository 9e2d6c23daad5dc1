import { env, exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { ImageCodec, type Pixels } from '../../../../src/domain/media/image/photon.ts'
import { readImageHeader } from '../../../../src/matrix/media/image-header.ts'
import { registerAccount, type TestSession } from '../../../support/api-client.ts'
import { type ImageName, image } from '../../../support/images.ts'
import { type FileOptions, getFile, pathOf, uploadFile } from '../../../support/media-api.ts'

type Colour = readonly [number, number, number, number]
const RED: Colour = [255, 0, 0, 255]
const BLUE: Colour = [0, 0, 255, 255]

/** An image whose left half has one colour and whose right half another. */
function halves(width: number, height: number, left = RED, right = BLUE): Pixels {
  const data = new Uint8Array(width * height * 4)
  for (let at = 0; at < width * height; at += 1) data.set(at % width < width / 2 ? left : right, at * 4)
  return { width, height, data }
}

const thumbnail = (who: TestSession, uri: string, query: string, options: FileOptions = {}) =>
  getFile(`/_matrix/client/v1/media/thumbnail/${pathOf(uri)}?${query}`, { token: who.token, ...options })

/** What is to be seen at a place. */
function colourAt({ width, data }: Pixels, x: number, y: number): number[] {
  return Array.from(data.slice((y * width + x) * 4, (y * width + x) * 4 + 4))
}

function near(colour: readonly number[], expected: readonly number[]): boolean {
  return colour.every((value, index) => Math.abs(value - (expected[index] ?? 0)) < 40)
}

const uploadPng = (who: TestSession, pixels: Pixels) =>
  uploadFile(who, new ImageCodec().png(pixels), { type: 'image/png', filename: 'a.png' })
const uploadJpeg = (who: TestSession, pixels: Pixels) => uploadFile(who, new ImageCodec().jpeg(pixels, 80), { type: 'image/jpeg' })
const kept = async () => (await env.MEDIA.list({ prefix: 'thumbnail/' })).objects.length

describe('a thumbnail', () => {
  it('is scaled into the size asked for, or cropped to it, and looks like the image', async () => {
    const alice = await registerAccount()
    const [png, jpeg] = [await uploadPng(alice, halves(1_000, 500)), await uploadJpeg(alice, halves(1_000, 500))]
    for (const [uri, type] of [
      [png, 'image/png'],
      [jpeg, 'image/jpeg'],
    ] as const) {
      for (const [query, size] of [
        ['width=320&height=240&method=scale', [320, 160]],
        ['width=640&height=480', [640, 320]],
        ['width=32&height=32&method=crop', [32, 32]],
        ['width=90&height=90&method=crop', [96, 96]],
      ] as const) {
        const { status, headers, bytes } = await thumbnail(alice, uri, query)
        expect([status, headers.get('content-type')]).toEqual([200, type])
        expect(headers.get('content-disposition')).toBe(`inline; filename="thumbnail.${type === 'image/png' ? 'png' : 'jpg'}"`)
        const { width, height, ...rest } = new ImageCodec().decode(bytes)
        expect([width, height]).toEqual(size)
        const seen = { width, height, ...rest }
        expect(near(colourAt(seen, 2, 2), RED) && near(colourAt(seen, width - 3, height - 3), BLUE)).toBe(true)
      }
    }
  })

  it('is made once', async () => {
    const alice = await registerAccount()
    const uri = await uploadPng(alice, halves(500, 500))
    const before = await kept()
    const answers = await Promise.all(Array.from({ length: 4 }, () => thumbnail(alice, uri, 'width=96&height=96&method=crop')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const etag = answers[0]?.headers.get('etag') ?? ''
    expect((await thumbnail(alice, uri, 'width=80&height=80&method=crop', { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await kept()) - before).toBe(1)
  })

  it('is never larger than the image: then it is the image', async () => {
    const alice = await registerAccount()
    const file = new ImageCodec().png(halves(300, 200))
    const uri = await uploadFile(alice, file, { type: 'image/png', filename: 'a.png' })
    for (const query of ['width=320&height=240', 'width=5000&height=5000', 'width=512&height=512&method=crop']) {
      const { headers, bytes } = await thumbnail(alice, uri, query)
      expect(Buffer.compare(bytes, file)).toBe(0)
      expect([headers.get('content-type'), headers.get('content-disposition')]).toEqual(['image/png', 'inline; filename="a.png"'])
    }
  })

  it('keeps what is transparent', async () => {
    const alice = await registerAccount()
    const uri = await uploadPng(alice, halves(200, 200, [255, 0, 0, 128], [0, 0, 0, 0]))
    const seen = new ImageCodec().decode((await thumbnail(alice, uri, 'width=32&height=32&method=crop')).bytes)
    expect([colourAt(seen, 2, 2), colourAt(seen, 30, 30)[3]]).toEqual([[255, 0, 0, 128], 0])
  })

  it.each<[ImageName, string, string, readonly number[]]>([
    ['stillGif', 'image/gif', 'image/png', RED],
    ['movingGif', 'image/gif', 'image/png', RED],
    ['webp', 'image/webp', 'image/jpeg', [0, 128, 0, 255]],
    ['transparentWebp', 'image/webp', 'image/png', [0, 128, 0, 128]],
    ['movingWebp', 'image/webp', 'image/jpeg', [0, 128, 0, 255]],
    ['progressiveJpeg', 'image/jpeg', 'image/jpeg', [200, 0, 0, 255]],
  ])('is made of every usual format: %s', async (name, type, thumbnailType, colour) => {
    const alice = await registerAccount()
    const uri = await uploadFile(alice, image(name), { type })
    const { status, headers, bytes } = await thumbnail(alice, uri, 'width=96&height=96&method=crop&animated=false')
    expect([status, headers.get('content-type')]).toEqual([200, thumbnailType])
    const seen = new ImageCodec().decode(bytes)
    expect([seen.width, seen.height]).toEqual([96, 96])
    expect(near(colourAt(seen, 10, 48), colour)).toBe(true)
  })

  it('is upright, as the camera says', async () => {
    const alice = await registerAccount()
    const uri = await uploadFile(alice, image('turnedJpeg'), { type: 'image/jpeg' })
    const { bytes } = await thumbnail(alice, uri, 'width=32&height=32&method=crop')
    const seen = new ImageCodec().decode(bytes)
    expect(near(colourAt(seen, 16, 2), [200, 0, 0, 255]) && near(colourAt(seen, 16, 29), [0, 0, 200, 255])).toBe(true)
  })

  it('moves only for those who ask for that', async () => {
    const alice = await registerAccount()
    for (const [name, type] of [
      ['movingGif', 'image/gif'],
      ['movingWebp', 'image/webp'],
    ] as const) {
      const uri = await uploadFile(alice, image(name), { type })
      for (const size of ['width=32&height=32', 'width=96&height=96&method=crop', 'width=4000&height=4000']) {
        const moving = await thumbnail(alice, uri, `${size}&animated=true`)
        expect([Buffer.compare(moving.bytes, image(name)), moving.headers.get('content-type')]).toEqual([0, type])
        const still = await thumbnail(alice, uri, size)
        expect([still.status, readImageHeader(still.bytes)?.animated]).toEqual([200, false])
      }
    }
    const png = await uploadPng(alice, halves(200, 200))
    expect((await thumbnail(alice, png, 'width=32&height=32&method=crop&animated=true')).headers.get('content-type')).toBe('image/png')
  })

  it('is served to other servers’ users and without an access token like its file', async () => {
    const alice = await registerAccount()
    const uri = await uploadPng(alice, halves(200, 200))
    const query = 'width=32&height=32&method=crop'
    expect((await thumbnail(alice, uri, query, { token: undefined })).status).toBe(401)
    expect(await getFile(`/_matrix/media/v3/thumbnail/${pathOf(uri)}?${query}`)).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' })
    const open = await uploadFile(alice, new ImageCodec().png(halves(200, 200)), { variables: { MYELIN_MEDIA_UNAUTHENTICATED: 'on' } })
    expect((await getFile(`/_matrix/media/v3/thumbnail/${pathOf(open)}?${query}`)).status).toBe(200)
    const url = `https://test.example/_matrix/federation/v1/media/thumbnail/${pathOf(uri).split('/')[1]}?${query}`
    expect((await exports.default.fetch(new Request(url))).status).toBe(401)
  })
})

describe('what is not to be decoded (M4)', () => {
  /** The start of a PNG that says that it has so many pixels. */
  function bomb(width: number, height: number): Uint8Array {
    const file = new ImageCodec().png(halves(10, 10))
    const view = new DataView(file.buffer, file.byteOffset)
    view.setUint32(16, width)
    view.setUint32(20, height)
    return file
  }

  it('is not: an image of too many pixels is its own thumbnail, or none', async () => {
    const alice = await registerAccount()
    const uri = await uploadFile(alice, bomb(50_000, 50_000), { type: 'image/png' })
    expect(await thumbnail(alice, uri, 'width=32&height=32&method=crop')).toMatchObject({ status: 200, bytes: bomb(50_000, 50_000) })
    const large = new Uint8Array(9 * 1_024 * 1_024)
    large.set(bomb(50_000, 50_000))
    const largeUri = await uploadFile(alice, large, { type: 'image/png' })
    for (const query of ['width=32&height=32', 'width=5000&height=5000']) {
      expect(await thumbnail(alice, largeUri, query)).toMatchObject({ status: 413, errcode: 'M_TOO_LARGE' })
    }
  })

  it('is judged by its bytes, not by what its uploader says', async () => {
    const alice = await registerAccount()
    for (const [text, type] of [
      ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/png'],
      ['<html></html>', 'image/jpeg'],
      ['', 'image/gif'],
      ['%PDF-1.7', 'application/pdf'],
    ] as const) {
      const uri = await uploadFile(alice, text, { type })
      for (const query of ['width=32&height=32', 'width=32&height=32&animated=true', 'width=5000&height=5000']) {
        expect(await thumbnail(alice, uri, query)).toMatchObject({ status: 400, errcode: 'M_UNKNOWN' })
      }
    }
    const png = await uploadFile(alice, new ImageCodec().png(halves(200, 200)), { type: 'text/html' })
    expect((await thumbnail(alice, png, 'width=32&height=32&method=crop')).headers.get('content-type')).toBe('image/png')
    expect((await thumbnail(alice, png, 'width=500&height=500&method=crop')).headers.get('content-type')).toBe('image/png')
  })

  it('does no harm when it is damaged, and is not tried again and again', async () => {
    const alice = await registerAccount()
    const whole = new ImageCodec().png(halves(200, 200))
    const damaged = whole.slice(0, 100)
    const uri = await uploadFile(alice, damaged, { type: 'image/png' })
    const before = await kept()
    for (let times = 0; times < 2; times += 1) {
      expect(await thumbnail(alice, uri, 'width=32&height=32&method=crop')).toMatchObject({ status: 200, bytes: damaged })
    }
    expect((await kept()) - before).toBe(1)
    expect((await thumbnail(alice, await uploadFile(alice, whole), 'width=32&height=32&method=crop')).status).toBe(200)
  })

  it.each([
    '',
    'width=32',
    'width=0&height=32',
    'width=-1&height=1',
    'width=1.5&height=1',
    'width=100000&height=1',
    'width=1&height=x',
    'width=1&height=1&method=stretch',
  ])('sizes that are none are refused: %s (M2)', async (query) => {
    const alice = await registerAccount()
    expect((await thumbnail(alice, 'mxc://test.example/abc', query)).status).toBe(400)
  })
})
