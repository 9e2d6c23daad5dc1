import { runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { objectsOf } from '../../../../src/durable/objects.ts'
import type { Env } from '../../../../src/runtime/bindings.ts'
import { call, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { download, getFile, inPieces, pathOf, someBytes, tryUpload, uploadFile } from '../../../support/media-api.ts'

const DAY_MS = 86_400_000

async function create(who: TestSession): Promise<{ readonly uri: string; readonly expiresTs: number }> {
  const { status, body } = await call('POST', '/_matrix/media/v1/create', { token: who.token })
  expect(status).toBe(200)
  return { uri: body.content_uri, expiresTs: body.unused_expires_at }
}

const put = (who: TestSession, uri: string, body: string | ReadableStream<Uint8Array>, variables?: Partial<Env>) =>
  call('PUT', `/_matrix/media/v3/upload/${pathOf(uri)}?filename=a.txt`, {
    token: who.token,
    body,
    headers: { 'Content-Type': 'text/plain' },
    ...(variables !== undefined && { variables }),
  })
const errorOf = ({ status, body }: Awaited<ReturnType<typeof call>>) => [status, body.errcode]
const account = (who: TestSession) => objectsOf(env, undefined).user(who.userId)
const alarmOf = (who: TestSession) => runDurableObjectAlarm(env.USER.get(env.USER.idFromName(who.userId)))

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a file that is uploaded after its URI was made (M5)', () => {
  it('is not there yet, and then it is', async () => {
    const alice = await registerAccount()
    const { uri, expiresTs } = await create(alice)
    expect(expiresTs).toBeGreaterThan(Date.now() + DAY_MS - 60_000)
    expect(await download(alice, uri, { suffix: '?timeout_ms=0' })).toMatchObject({ status: 504, errcode: 'M_NOT_YET_UPLOADED' })
    expect(await getFile(`/_matrix/media/v3/download/${pathOf(uri)}`)).toMatchObject({ status: 504, errcode: 'M_NOT_YET_UPLOADED' })
    const waiting = download(alice, uri)
    expect((await put(alice, uri, 'late')).status).toBe(200)
    const { status, headers, bytes } = await waiting
    expect([status, new TextDecoder().decode(bytes)]).toEqual([200, 'late'])
    expect(headers.get('content-disposition')).toBe('inline; filename="a.txt"')
    expect(await getFile(`/_matrix/media/v3/download/${pathOf(uri)}`)).toMatchObject({ status: 404 })
  })

  it('is uploaded once, by whoever made the URI', async () => {
    const [alice, bob] = [await registerAccount(), await registerAccount()]
    const { uri } = await create(alice)
    expect(errorOf(await put(bob, uri, 'mine'))).toEqual([403, 'M_FORBIDDEN'])
    expect(errorOf(await call('PUT', `/_matrix/media/v3/upload/${pathOf(uri)}`, { body: 'x' }))).toEqual([401, 'M_MISSING_TOKEN'])
    expect((await put(alice, uri, 'first')).status).toBe(200)
    expect(errorOf(await put(alice, uri, 'second'))).toEqual([409, 'M_CANNOT_OVERWRITE_MEDIA'])
    expect(errorOf(await put(bob, uri, 'third'))).toEqual([403, 'M_FORBIDDEN'])
    expect(new TextDecoder().decode((await download(alice, uri)).bytes)).toBe('first')
    expect(errorOf(await put(alice, await uploadFile(alice, 'x'), 'over'))).toEqual([409, 'M_CANNOT_OVERWRITE_MEDIA'])
  })

  it('is uploaded once when several try at the same time', async () => {
    const alice = await registerAccount()
    const { uri } = await create(alice)
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((text) => put(alice, uri, text)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
  })

  it('can be tried again after it was too large', async () => {
    const alice = await registerAccount()
    const { uri } = await create(alice)
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)) })
    expect(errorOf(await put(alice, uri, endless, { MYELIN_MEDIA_UPLOAD_MAX_BYTES: '100000' }))).toEqual([413, 'M_TOO_LARGE'])
    expect(await download(alice, uri, { suffix: '?timeout_ms=0' })).toMatchObject({ status: 504 })
    expect((await put(alice, uri, 'small')).status).toBe(200)
  })

  it('has no place under an ID that was not made here', async () => {
    const alice = await registerAccount()
    for (const path of ['test.example/unknown', 'other.example/unknown', 'test.example/..%2Fx'])
      expect(errorOf(await put(alice, `mxc://${path}`, 'x'))).toEqual([404, 'M_NOT_FOUND'])
  })

  it('has a day to come; then the URI is nobody’s', async () => {
    const alice = await registerAccount()
    const { uri, expiresTs } = await create(alice)
    vi.spyOn(Date, 'now').mockReturnValue(expiresTs + 1)
    expect(await download(alice, uri)).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' })
    expect(errorOf(await put(alice, uri, 'x'))).toEqual([404, 'M_NOT_FOUND'])
    await alarmOf(alice)
    vi.restoreAllMocks()
    expect(await download(alice, uri)).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' })
  })

  it('is one of a bounded number that a user may have waiting', async () => {
    const alice = await registerAccount()
    for (let count = 0; count < 50; count += 1) await create(alice)
    const { status, body } = await call('POST', '/_matrix/media/v1/create', { token: alice.token })
    expect([status, body.errcode, typeof body.retry_after_ms]).toEqual([429, 'M_LIMIT_EXCEEDED', 'number'])
  })
})

describe('the quota of a user (M5)', () => {
  const bytes = (count: number) => someBytes(count)

  it('counts what was uploaded, what is being uploaded, and no more what has failed or gone', async () => {
    const alice = await registerAccount()
    const object = account(alice)
    const open = () =>
      object.open({ kind: 'access_token', token: alice.token, requestId: 'r', rateLimit: 'none', standing: 'any', clientAddress: '' })
    const begin = async (mediaId: string, count: number) => {
      using session = open()
      return await session.beginUpload({ mediaId, bytes: count, created: false })
    }
    const quota = 10 * 1_024 ** 3
    expect(await begin('a', 1)).toEqual({ ok: true, value: 1 })
    {
      using session = open()
      await session.finishUpload('a', quota - 100)
    }
    expect(await begin('b', 101)).toMatchObject({ ok: false, error: { errcode: 'M_FORBIDDEN', status: 403 } })
    expect(await begin('b', 60)).toMatchObject({ ok: true })
    expect(await begin('c', 41)).toMatchObject({ ok: false, error: { errcode: 'M_FORBIDDEN' } })
    {
      using session = open()
      await session.failUpload('b', undefined)
    }
    expect(await begin('c', 101)).toMatchObject({ ok: false })
    expect((await tryUpload(alice, bytes(101))).body.errcode).toBe('M_FORBIDDEN')
    expect((await tryUpload(alice, inPieces(bytes(101), 50))).body.errcode).toBe('M_FORBIDDEN')
    expect((await tryUpload(alice, inPieces(bytes(40), 50))).status).toBe(200)
    expect((await tryUpload(alice, bytes(60))).status).toBe(200)
    expect((await tryUpload(alice, bytes(1))).body.errcode).toBe('M_FORBIDDEN')
    await object.uploadsRemoved(50, 'r')
    expect((await tryUpload(alice, bytes(50))).status).toBe(200)
  })

  it('forgets what was left in the middle', async () => {
    const alice = await registerAccount()
    {
      using session = account(alice).open({
        ...{ kind: 'access_token', token: alice.token, requestId: 'r', rateLimit: 'none', standing: 'any', clientAddress: '' },
      })
      for (let count = 0; count < 16; count += 1) await session.beginUpload({ mediaId: `left${count}`, bytes: 10, created: false })
    }
    await env.MEDIA.put('original/left0', 'half')
    expect((await tryUpload(alice, 'x')).body.errcode).toBe('M_LIMIT_EXCEEDED')
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_001)
    await alarmOf(alice)
    expect((await tryUpload(alice, 'x')).status).toBe(200)
    expect(await env.MEDIA.head('original/left0')).toBeNull()
  })
})
