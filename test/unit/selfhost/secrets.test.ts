import { mkdtemp, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { DataDir } from '../../../selfhost/data-dir.ts'
import { loadSecrets } from '../../../selfhost/secrets.ts'
import { oldSigningKeys, parseSigningKeyFile, replaceSigningKey } from '../../../selfhost/signing-keys.ts'
import { CORS_HEADERS } from '../../../src/http/cors.ts'
import { parseConfig } from '../../../src/runtime/config.ts'
import { sourceFiles } from '../../tidy/sources.ts'

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

it('O10: keys are made once, under the lock of the data directory, for its owner; none is a default, follows from a name, or ends unpublished', async () => {
  const path = join(await newFolder(), 'data')
  const dataDir = await DataDir.open(path, 'a.example')
  await expect(DataDir.open(path, 'a.example')).rejects.toThrow('is in use by')
  const first = await loadSecrets(path)
  dataDir.close()
  const again = await DataDir.open(path, 'a.example')
  expect(await loadSecrets(path)).toEqual({ ...first, fresh: false })
  for (const name of ['secret', 'signing.key']) expect((await stat(join(path, name))).mode & 0o777).toBe(0o600)
  // Another server of the same name has others.
  const namesake = await DataDir.open(join(await newFolder(), 'data'), 'a.example')
  const other = await loadSecrets(namesake.path)
  expect([other.secret === first.secret, other.signingKey === first.signingKey]).toEqual([false, false])
  namesake.close()
  // Without them there is no server: platform secrets have no default.
  expect(() => parseConfig({ MYELIN_SERVER_NAME: 'a.example' })).toThrow(/MYELIN_SECRET[\s\S]*MYELIN_SIGNING_KEY/)
  // The old key goes on being published.
  const old = parseSigningKeyFile(first.signingKey)
  await replaceSigningKey(path, 1_700_000_000_000)
  const variables = { MYELIN_SECRET: first.secret, MYELIN_SIGNING_KEY: (await loadSecrets(path)).signingKey }
  const config = parseConfig({ ...variables, MYELIN_OLD_SIGNING_KEYS: await oldSigningKeys(path, undefined) })
  expect(config.oldSigningKeys).toMatchObject([{ keyId: old.keyId, expiredTs: 1_700_000_000_000 }])
  expect(config.signingKey.keyId).not.toBe(old.keyId)
  again.close()
  // Nothing allows a page of another origin to use credentials that a browser keeps.
  expect(Object.keys(CORS_HEADERS).filter((header) => /credentials/i.test(header))).toEqual([])
  expect(sourceFiles('src', 'selfhost').filter(({ text }) => /Allow-Credentials/i.test(text))).toEqual([])
})
