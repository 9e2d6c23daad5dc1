import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { createClient, type MatrixClient as SdkClient } from 'matrix-js-sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FederatedServer, startFederation } from '../../support/federation-pair.ts'
import { image } from '../../support/images.ts'
import { logger, registerWithSdk } from '../../support/sdk-client.ts'
import { SYNAPSE_VENV, type SynapseServer, startSynapse } from '../../support/synapse-server.ts'

const PASSWORD = 'correct horse battery staple'
/** Larger than what is written in one part, and than what any pipe holds. */
const LARGE_BYTES = 7_000_001

let federation: Awaited<ReturnType<typeof startFederation>>
let here: FederatedServer
let there: FederatedServer
let synapse: SynapseServer | undefined

beforeAll(async () => {
  federation = await startFederation(2, { MYELIN_REGISTRATION: 'open' })
  const [first, second] = federation.servers
  if (first === undefined || second === undefined) throw new Error('two servers are needed')
  here = first
  there = second
  if (SYNAPSE_VENV !== undefined) synapse = await startSynapse(SYNAPSE_VENV, federation.tls)
}, 180_000)

afterAll(async () => {
  await synapse?.stop()
  await federation?.stop()
})

let names = 0

/** An unmodified matrix-js-sdk client of a new user. */
async function sdkUser(baseUrl: string): Promise<SdkClient> {
  names += 1
  return createClient({ baseUrl, ...(await registerWithSdk(baseUrl, `media${names}`, PASSWORD)), logger })
}

async function upload(client: SdkClient, file: Uint8Array<ArrayBuffer>, type: string, name?: string): Promise<string> {
  const { content_uri } = await client.uploadContent(new Blob([file]), {
    type,
    ...(name === undefined ? { includeFilename: false } : { name }),
  })
  return content_uri
}

/** What a client gets at the address that the SDK makes of a URI: a file, or a thumbnail of it. */
async function get(client: SdkClient, uri: string, size?: number) {
  const url = client.mxcUrlToHttp(uri, size, size, size === undefined ? undefined : 'crop', false, true, true)
  const response = await fetch(url ?? '', { headers: { authorization: `Bearer ${client.getAccessToken()}` } })
  return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) }
}

describe('files, as matrix-js-sdk sends and gets them', () => {
  it('reach users of the same server and of another, whole, with type, name and length', async () => {
    const [alice, bob, carol] = [await sdkUser(here.process.url), await sdkUser(here.process.url), await sdkUser(there.process.url)]
    expect((await alice.getMediaConfig(true))['m.upload.size']).toBe(50 * 1_024 * 1_024)
    const file = new Uint8Array(randomBytes(LARGE_BYTES))
    const uri = await upload(alice, file, 'video/mp4', 'holiday \u2600.mp4')
    for (const client of [alice, bob, carol, carol]) {
      const { status, headers, bytes } = await get(client, uri)
      expect([status, Buffer.compare(bytes, file)]).toEqual([200, 0])
      expect(headers.get('content-type')).toBe('video/mp4')
      expect(headers.get('content-length')).toBe(String(LARGE_BYTES))
      expect(headers.get('content-disposition')).toBe("inline; filename*=utf-8''holiday%20%E2%98%80.mp4")
    }
  })

  it('have thumbnails, here and elsewhere', async () => {
    const [alice, carol] = [await sdkUser(here.process.url), await sdkUser(there.process.url)]
    const uri = await upload(alice, new Uint8Array(image('turnedJpeg')), 'image/jpeg')
    for (const client of [alice, carol]) {
      const { status, headers, bytes } = await get(client, uri, 32)
      expect([status, headers.get('content-type')]).toEqual([200, 'image/jpeg'])
      expect(bytes.length).toBeLessThan(image('turnedJpeg').length * 2)
    }
  })

  it('are attachments of encrypted rooms (client-server-api#sending-encrypted-attachments)', async () => {
    const [alice, carol] = [await sdkUser(here.process.url), await sdkUser(there.process.url)]
    const [secret, key, iv] = [randomBytes(100_000), randomBytes(32), Buffer.concat([randomBytes(8), Buffer.alloc(8)])]
    const cipher = createCipheriv('aes-256-ctr', key, iv)
    const sealed = new Uint8Array(Buffer.concat([cipher.update(secret), cipher.final()]))
    const hash = createHash('sha256').update(sealed).digest('base64')
    const uri = await upload(alice, sealed, 'application/octet-stream')
    const { headers, bytes } = await get(carol, uri)
    expect([headers.get('content-disposition'), createHash('sha256').update(bytes).digest('base64')]).toEqual(['attachment', hash])
    const decipher = createDecipheriv('aes-256-ctr', key, iv)
    expect(Buffer.compare(Buffer.concat([decipher.update(bytes), decipher.final()]), secret)).toBe(0)
  })
})

describe.skipIf(SYNAPSE_VENV === undefined)('files shared with Synapse', () => {
  it('come from it and go to it', async () => {
    const [alice, sam] = [await sdkUser(here.process.url), await sdkUser(synapse?.url ?? '')]
    const file = new Uint8Array(randomBytes(300_000))
    for (const [from, to] of [
      [alice, sam],
      [sam, alice],
    ] as const) {
      const uri = await upload(from, file, 'text/plain', 'a \u2600.txt')
      const { status, headers, bytes } = await get(to, uri)
      expect([status, Buffer.compare(bytes, file)]).toEqual([200, 0])
      expect(headers.get('content-type')).toMatch(/^text\/plain/)
      expect(headers.get('content-disposition')).toBe("inline; filename*=utf-8''a%20%E2%98%80.txt")
      const picture = await upload(from, new Uint8Array(image('webp')), 'image/webp')
      expect((await get(to, picture, 32)).status).toBe(200)
    }
  })

  it('are not there when they are not', async () => {
    const alice = await sdkUser(here.process.url)
    expect((await get(alice, `mxc://${synapse?.name}/unknown`)).status).toBe(404)
  })
})
