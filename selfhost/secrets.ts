import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivateFile } from './private-file.ts'

/** What this server must keep for itself and never change by accident. */
export interface Secrets {
  /** Base64 of 32 random bytes: MYELIN_SECRET. */
  readonly secret: string
  /** `ed25519 a_XXXX <unpadded Base64 seed>`: MYELIN_SIGNING_KEY. */
  readonly signingKey: string
  /** Whether the signing key was made by this call. */
  readonly fresh: boolean
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  }
}

/** A new signing key in the format of Synapse's `signing.key`, so that either server can read the other's file. */
export function generateSigningKey(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const version = Array.from(randomBytes(4), (byte) => alphabet[byte % alphabet.length]).join('')
  return `ed25519 a_${version} ${randomBytes(32).toString('base64').replace(/=+$/, '')}`
}

/** Reads `secret` and `signing.key` of a data directory; makes and keeps them on the first start. */
export async function loadSecrets(dataDir: string): Promise<Secrets> {
  const secretFile = join(dataDir, 'secret')
  const keyFile = join(dataDir, 'signing.key')
  let secret = await readIfPresent(secretFile)
  if (secret === undefined || secret === '') {
    secret = randomBytes(32).toString('base64')
    await writePrivateFile(secretFile, `${secret}\n`)
  }
  let signingKey = await readIfPresent(keyFile)
  const fresh = signingKey === undefined || signingKey === ''
  if (signingKey === undefined || signingKey === '') {
    signingKey = generateSigningKey()
    await writePrivateFile(keyFile, `${signingKey}\n`)
  }
  // Synapse allows several keys in one file; the first is the current one.
  return { secret, signingKey: signingKey.split('\n')[0] ?? '', fresh }
}
