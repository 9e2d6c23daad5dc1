import { mkdtemp, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadSecrets } from '../../../selfhost/secrets.ts'
import { parseConfig } from '../../../src/runtime/config.ts'

const newFolder = () => mkdtemp(join(tmpdir(), 'myelin-secrets-'))

it('makes secrets once, readable by their owner only, that the Worker accepts', async () => {
  const folder = await newFolder()
  const first = await loadSecrets(folder)
  const second = await loadSecrets(folder)
  expect(first.fresh).toBe(true)
  expect(second).toEqual({ ...first, fresh: false })
  for (const name of ['secret', 'signing.key']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
  const config = parseConfig({ MYELIN_SECRET: first.secret, MYELIN_SIGNING_KEY: first.signingKey })
  expect(config.signingKey.keyId).toMatch(/^ed25519:a_[A-Za-z]{4}$/)
  expect(config.signingKey.seed).toHaveLength(32)
})

it("uses a signing key that came from Synapse's file", async () => {
  const folder = await newFolder()
  const line = `ed25519 a_hVrq ${Buffer.alloc(32, 1).toString('base64').replace(/=+$/, '')}`
  await writeFile(join(folder, 'signing.key'), `${line}\n`)
  expect((await loadSecrets(folder)).signingKey).toBe(line)
})

it('never gives two servers the same secrets', async () => {
  const [one, other] = [await loadSecrets(await newFolder()), await loadSecrets(await newFolder())]
  expect(one.secret).not.toBe(other.secret)
  expect(one.signingKey).not.toBe(other.signingKey)
})
