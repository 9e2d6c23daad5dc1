import { mkdtemp, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadSecrets } from '../../../selfhost/secrets.ts'
import { oldSigningKeys, parseSigningKeyFile, replaceSigningKey } from '../../../selfhost/signing-keys.ts'
import { encodeBase64 } from '../../../src/matrix/base64.ts'
import { publicKeyOfSeed } from '../../../src/matrix/signing.ts'
import { parseConfig } from '../../../src/runtime/config.ts'

const newFolder = () => mkdtemp(join(tmpdir(), 'myelin-keys-'))
const SEED = new Uint8Array(32).fill(7)
const SYNAPSE_FILE = `ed25519 a_hVrq ${encodeBase64(SEED)}\n`

it("takes over the key of a Synapse's file", async () => {
  const folder = await newFolder()
  const key = await replaceSigningKey(folder, 1_700_000_000_000, SYNAPSE_FILE)
  expect(key).toMatchObject({ keyId: 'ed25519:a_hVrq', publicKey: encodeBase64(publicKeyOfSeed(SEED)) })
  const { signingKey, secret } = await loadSecrets(folder)
  expect(parseConfig({ MYELIN_SECRET: secret, MYELIN_SIGNING_KEY: signingKey }).signingKey).toEqual({ keyId: key.keyId, seed: SEED })
  expect((await stat(join(folder, 'signing.key'))).mode & 0o777).toBe(0o600)
  // The key that was there had signed nothing yet.
  expect(await oldSigningKeys(folder, undefined)).toBe('')
})

it('publishes keys that were in use with the time of their end, beside those that the operator lists', async () => {
  const folder = await newFolder()
  const first = parseSigningKeyFile((await loadSecrets(folder)).signingKey)
  const second = await replaceSigningKey(folder, 1_700_000_000_000)
  await replaceSigningKey(folder, 1_700_000_000_001, SYNAPSE_FILE)
  const configured = `ed25519:older ${encodeBase64(new Uint8Array(32).fill(2))} 1600000000000`
  const { secret, signingKey } = await loadSecrets(folder)
  const variables = {
    MYELIN_SECRET: secret,
    MYELIN_SIGNING_KEY: signingKey,
    MYELIN_OLD_SIGNING_KEYS: await oldSigningKeys(folder, configured),
  }
  const ends = parseConfig(variables).oldSigningKeys.map(({ keyId, publicKey, expiredTs }) => [keyId, publicKey, expiredTs])
  expect(ends.slice(1)).toEqual([
    [first.keyId, first.publicKey, 1_700_000_000_000],
    [second.keyId, second.publicKey, 1_700_000_000_001],
  ])
  expect(ends[0]?.[0]).toBe('ed25519:older')
  // Once more changes nothing.
  await replaceSigningKey(folder, 1_700_000_000_002, SYNAPSE_FILE)
  expect(await oldSigningKeys(folder, configured)).toBe(variables.MYELIN_OLD_SIGNING_KEYS)
})

it.each([
  '',
  'ed25519 a_x',
  'ed25519 a_x AAAA',
  `rsa a_x ${'A'.repeat(43)}`,
  `ed25519 a-x ${'A'.repeat(43)}`,
  '-----BEGIN PRIVATE KEY-----',
])('refuses %j, and keeps the key that is there', async (text) => {
  const folder = await newFolder()
  await loadSecrets(folder)
  const before = await readFile(join(folder, 'signing.key'), 'utf8')
  await expect(replaceSigningKey(folder, 1, text)).rejects.toThrow(/no signing key/)
  expect(await readFile(join(folder, 'signing.key'), 'utf8')).toBe(before)
})

it('refuses another key under the name of the one that is there', async () => {
  const folder = await newFolder()
  await replaceSigningKey(folder, 1, SYNAPSE_FILE)
  await expect(replaceSigningKey(folder, 2, `ed25519 a_hVrq ${encodeBase64(new Uint8Array(32).fill(8))}`)).rejects.toThrow(
    /tell them apart/,
  )
})
