import { runDurableObjectAlarm } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ImageCodec } from '../../../../src/domain/media/image/photon.ts'
import { sweepCopies } from '../../../../src/domain/media/sweep.ts'
import { registerAdmin } from '../../../support/admin.ts'
import { call, passwordAuth, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { HostileServer } from '../../../support/hostile-server.ts'
import { download, getFile, pathOf, someBytes, tryUpload, uploadFile } from '../../../support/media-api.ts'

const ADMIN = '/_synapse/admin/v1'
const DAY_MS = 86_400_000
const DOWNLOAD = /^\/_matrix\/federation\/v1\/media\/download\//
let names = 0
let peer: HostileServer
let admin: TestSession
let alice: TestSession

beforeEach(async () => {
  names += 1
  peer = new HostileServer(`kept${names}.example`, 1)
  new HostileInternet().install().server(peer)
  peer.on('GET', DOWNLOAD, () => {
    const body = '--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Type: text/plain\r\n\r\n0123456789\r\n--b--'
    return new Response(body, { headers: { 'content-type': 'multipart/mixed; boundary=b' } })
  })
  ;[admin, alice] = await Promise.all([registerAdmin(), registerAccount()])
})
afterEach(() => {
  vi.restoreAllMocks()
})

const asAdmin = (method: string, path: string, who = admin) => call(method, `${ADMIN}/${path}`, { token: who.token })
const keys = async () => (await env.MEDIA.list()).objects.map(({ key }) => key)
const copy = (mediaId: string) => `mxc://${peer.serverName}/${mediaId}`
const idOf = (uri: string) => pathOf(uri).split('/')[1] ?? ''

describe('what administrators do with files (O1)', () => {
  it('is for administrators', async () => {
    const uri = await uploadFile(alice, 'x')
    for (const [method, path] of [
      ['POST', `media/quarantine/${pathOf(uri)}`],
      ['POST', `media/unquarantine/${pathOf(uri)}`],
      ['DELETE', `media/${pathOf(uri)}`],
      ['GET', `users/${alice.userId}/media`],
      ['POST', 'purge_media_cache?before_ts=1'],
    ] as const) {
      expect((await call(method, `${ADMIN}/${path}`)).status).toBe(401)
      expect((await asAdmin(method, path, alice)).status).toBe(403)
    }
    expect((await download(alice, uri)).status).toBe(200)
  })

  it('quarantine keeps a file from everybody at once, on every path, and ends when it is lifted (M5)', async () => {
    const file = new ImageCodec().png({ width: 200, height: 200, data: someBytes(160_000) })
    const [own, theirs] = [
      await uploadFile(alice, file, { type: 'image/png', variables: { MYELIN_MEDIA_UNAUTHENTICATED: 'on' } }),
      copy('bad'),
    ]
    const federation = () =>
      exports.default.fetch(peer.signedRequest('GET', `https://test.example/_matrix/federation/v1/media/download/${idOf(own)}`))
    const statuses = async () => {
      const size = '?width=32&height=32&method=crop'
      const answers = [
        await download(alice, own),
        await getFile(`/_matrix/client/v1/media/thumbnail/${pathOf(own)}${size}`, { token: alice.token }),
        await getFile(`/_matrix/media/v3/download/${pathOf(own)}`),
        await getFile(`/_matrix/media/v3/thumbnail/${pathOf(own)}${size}`),
        await download(alice, theirs),
      ]
      const sent = await federation()
      await sent.arrayBuffer()
      return [...answers.map(({ status }) => status), sent.status]
    }
    expect(await statuses()).toEqual([200, 200, 200, 200, 200, 200])
    for (const uri of [own, theirs]) expect((await asAdmin('POST', `media/quarantine/${pathOf(uri)}`)).status).toBe(200)
    expect(await statuses()).toEqual([404, 404, 404, 404, 404, 404])
    expect((await asAdmin('GET', `users/${alice.userId}/media`)).body.media[0].quarantined_by).toBe(admin.userId)
    // What is kept from everybody is not fetched again either, nor removed with what nobody uses.
    expect((await asAdmin('POST', `purge_media_cache?before_ts=${Date.now() + DAY_MS}`)).status).toBe(200)
    expect((await download(alice, theirs)).status).toBe(404)
    for (const uri of [own, theirs]) expect((await asAdmin('POST', `media/unquarantine/${pathOf(uri)}`)).status).toBe(200)
    expect(await statuses()).toEqual([200, 200, 200, 200, 200, 200])
    expect(peer.asked(DOWNLOAD)).toBe(1)
  })

  it('quarantine of what is not here keeps it from coming, and from being uploaded', async () => {
    const { body } = await call('POST', '/_matrix/media/v1/create', { token: alice.token })
    for (const uri of [copy('never'), body.content_uri]) expect((await asAdmin('POST', `media/quarantine/${pathOf(uri)}`)).status).toBe(200)
    expect((await download(alice, copy('never'))).status).toBe(404)
    expect(peer.asked(DOWNLOAD)).toBe(0)
    const put = await call('PUT', `/_matrix/media/v3/upload/${pathOf(body.content_uri)}`, { token: alice.token, body: 'x' })
    expect(put.status).toBe(403)
    await asAdmin('POST', `media/unquarantine/${pathOf(copy('never'))}`)
    expect((await download(alice, copy('never'))).status).toBe(200)
  })

  it('deletes a file with its thumbnails, and gives back its place in the quota', async () => {
    const before = await keys()
    const file = new ImageCodec().png({ width: 200, height: 200, data: someBytes(160_000) })
    const uri = await uploadFile(alice, file, { type: 'image/png' })
    await getFile(`/_matrix/client/v1/media/thumbnail/${pathOf(uri)}?width=32&height=32&method=crop`, { token: alice.token })
    expect((await keys()).length).toBe(before.length + 2)
    expect((await asAdmin('DELETE', `media/${pathOf(uri)}`)).body).toEqual({ deleted_media: [idOf(uri)], total: 1 })
    expect((await download(alice, uri)).status).toBe(404)
    expect(await keys()).toEqual(before)
    expect((await asAdmin('DELETE', `media/${pathOf(uri)}`)).status).toBe(404)
  })

  it('lists what a user has uploaded, page by page', async () => {
    for (const name of ['a', 'b', 'c']) await uploadFile(alice, name, { filename: `${name}.txt` })
    const first = await asAdmin('GET', `users/${alice.userId}/media?limit=2`)
    expect(first.body.media).toHaveLength(2)
    expect(first.body.media[0]).toMatchObject({ media_type: 'text/plain', media_length: 1, quarantined_by: null })
    expect((await asAdmin('GET', `users/${alice.userId}/media?limit=2&from=${first.body.next_token}`)).status).toBe(200)
    expect((await asAdmin('GET', 'users/@nobody:test.example/media')).status).toBe(404)
    expect((await asAdmin('GET', 'users/@x:other.example/media')).status).toBe(400)
  })
})

describe('copies of other servers’ files', () => {
  it('go when nobody has used them for long, and can be fetched again', async () => {
    await asAdmin('POST', `purge_media_cache?before_ts=${Date.now() + 1}`)
    await download(alice, copy('old'))
    const sweep = async (days: number, bytes = '1000000') => {
      const variables = { MYELIN_MEDIA_REMOTE_RETENTION_DAYS: String(days), MYELIN_MEDIA_REMOTE_CACHE_BYTES: bytes }
      return await sweepCopies({ ...env, ...variables })
    }
    expect((await sweep(2)).files).toBe(0)
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now + 3 * DAY_MS)
    // Using it is noted, so that it stays.
    await download(alice, copy('old'))
    vi.mocked(Date.now).mockReturnValue(now + 4 * DAY_MS)
    expect((await sweep(2)).files).toBe(0)
    vi.mocked(Date.now).mockReturnValue(now + 6 * DAY_MS)
    expect((await sweep(0)).files).toBe(0)
    expect(await sweep(2)).toEqual({ files: 1, bytes: 10 })
    expect((await download(alice, copy('old'))).status).toBe(200)
    expect(peer.asked(DOWNLOAD)).toBe(2)
  })

  it('go beyond the room for them, those used longest ago first', async () => {
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now - 10 * DAY_MS)
    await download(alice, copy('first'))
    vi.mocked(Date.now).mockReturnValue(now)
    await download(alice, copy('second'))
    vi.mocked(Date.now).mockReturnValue(now + 1)
    const sizes = await env.DB.prepare('SELECT sum(bytes) AS bytes FROM media WHERE localpart IS NULL').first<{ bytes: number }>()
    const room = String((sizes?.bytes ?? 0) - 5)
    expect(await sweepCopies({ ...env, MYELIN_MEDIA_REMOTE_CACHE_BYTES: room })).toEqual({ files: 1, bytes: 10 })
    await download(alice, copy('second'))
    expect(peer.asked(DOWNLOAD)).toBe(2)
    await download(alice, copy('first'))
    expect(peer.asked(DOWNLOAD)).toBe(3)
  })

  it('are removed by the schedule, and by the self-hosting program', async () => {
    const sweep = await call('POST', '/_myelin/control/sweep-media', { token: 'control-token-for-tests' })
    expect([sweep.status, sweep.body]).toEqual([200, { files: 0, bytes: 0 }])
    expect((await call('POST', '/_myelin/control/sweep-media')).status).toBe(404)
  })
})

describe('a user who goes', () => {
  it('takes their files along if they are to be erased, and not otherwise', async () => {
    const [erased, kept] = [await uploadFile(alice, 'mine'), await uploadFile(admin, 'other')]
    const bob = await registerAccount()
    const left = await uploadFile(bob, 'left behind')
    for (const [who, erase] of [
      [alice, true],
      [bob, false],
    ] as const) {
      expect((await call('POST', '/account/deactivate', { token: who.token, body: { erase, auth: passwordAuth(who) } })).status).toBe(200)
      await runDurableObjectAlarm(env.USER.get(env.USER.idFromName(who.userId)))
    }
    expect((await download(admin, erased)).status).toBe(404)
    expect(await env.MEDIA.head(`original/${idOf(erased)}`)).toBeNull()
    expect([(await download(admin, kept)).status, (await download(admin, left)).status]).toEqual([200, 200])
    expect((await tryUpload(alice, 'x')).status).toBe(401)
  })
})
