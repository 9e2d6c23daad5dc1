import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivateFile } from './private-file.ts'
import { generateSigningKey, loadSecrets } from './secrets.ts'

/** A signing key as `signing.key` has it: `ed25519 <version> <seed in Base64>`. */
export interface SigningKey {
  /** `ed25519:<version>` */
  readonly keyId: string
  /** Unpadded Base64. */
  readonly publicKey: string
  readonly line: string
}

const SEED_BYTES = 32
/** What comes before the seed of an Ed25519 key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
/** What comes before an Ed25519 public key in SPKI. */
const SPKI_PREFIX_BYTES = 12

/** Reads the first key of a file in Synapse's format. @throws Error where it is none; the file's content is not in the message. */
export function parseSigningKeyFile(text: string): SigningKey {
  const [first = ''] = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const [algorithm, version = '', encoded = '', ...rest] = first.trim().split(/\s+/)
  const seed = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) ? Buffer.from(encoded, 'base64') : Buffer.alloc(0)
  if (algorithm !== 'ed25519' || !/^\w{1,64}$/.test(version) || seed.length !== SEED_BYTES || rest.length > 0) {
    throw new Error('that is no signing key: the first line must be "ed25519 <version> <Base64 of 32 bytes>"')
  }
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    keyId: `ed25519:${version}`,
    publicKey: unpadded(spki.subarray(SPKI_PREFIX_BYTES)),
    line: `ed25519 ${version} ${unpadded(seed)}`,
  }
}

/**
 * Makes another key the one that this server signs with; the one before it is published as an old key from now on, so that what it has signed can still be
 * checked. The server must not be running. Without `next` a new key is made.
 */
export async function replaceSigningKey(dataDir: string, nowMs: number, next = generateSigningKey()): Promise<SigningKey> {
  const replacement = parseSigningKeyFile(next)
  const { signingKey, fresh } = await loadSecrets(dataDir)
  const current = parseSigningKeyFile(signingKey)
  if (current.line === replacement.line) return replacement
  if (current.keyId === replacement.keyId)
    throw new Error(`the other key is called ${current.keyId} too: other servers could not tell them apart`)
  // A key that was made a moment ago has signed nothing.
  if (!fresh) {
    const old = await readFile(join(dataDir, OLD_KEYS_FILE), 'utf8').catch(() => '')
    const kept = old.split('\n').filter((line) => line !== '' && line.split(' ')[0] !== replacement.keyId)
    const lines = [...kept, `${current.keyId} ${current.publicKey} ${nowMs}`]
    // First the old key: should this be cut off, it is published as old and as current, which is refused by nobody.
    await writePrivateFile(join(dataDir, OLD_KEYS_FILE), `${lines.join('\n')}\n`)
  }
  await writePrivateFile(join(dataDir, 'signing.key'), `${replacement.line}\n`)
  return replacement
}

/** In the data directory: earlier keys, one a line, as MYELIN_OLD_SIGNING_KEYS has them. */
export const OLD_KEYS_FILE = 'old_signing_keys'

/** MYELIN_OLD_SIGNING_KEYS: what the operator lists and what the data directory remembers. */
export async function oldSigningKeys(dataDir: string, configured: string | undefined): Promise<string> {
  const remembered = await readFile(join(dataDir, OLD_KEYS_FILE), 'utf8').catch(() => '')
  return [configured ?? '', ...remembered.split('\n')].filter((entry) => entry.trim() !== '').join(',')
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '')
}
