import { readFile } from 'node:fs/promises'
import { readHostConfig } from '../config.ts'
import { DataDir } from '../data-dir.ts'
import type { Options } from '../options.ts'
import { say } from '../output.ts'
import { loadSecrets } from '../secrets.ts'
import { parseSigningKeyFile, replaceSigningKey } from '../signing-keys.ts'

const USAGE = 'usage: signing-key show | rotate | import <file>'

/**
 * `signing-key show`: which key this server signs with. `rotate`: makes a new one. `import <file>`: takes the key of a Synapse's `signing.key`. The one before stays
 * published as an old key. The server must be stopped.
 */
export async function signingKey(options: Options): Promise<void> {
  const [, action, file] = options.positionals
  const config = await readHostConfig({ env: process.env, file: options.config, cwd: process.cwd() })
  if (process.env.MYELIN_SIGNING_KEY !== undefined)
    throw new Error('MYELIN_SIGNING_KEY is set: the key does not come from the data directory')
  const dataDir = await DataDir.open(config.dataDir, config.serverName)
  try {
    const key = await keyAfter(dataDir.path, action, file)
    say(`${config.serverName} signs with ${key.keyId}, public key ${key.publicKey}`)
  } finally {
    dataDir.close()
  }
}

async function keyAfter(dataDir: string, action: string | undefined, file: string | undefined) {
  if (action === 'show') return parseSigningKeyFile((await loadSecrets(dataDir)).signingKey)
  if (action === 'rotate') return await replaceSigningKey(dataDir, Date.now())
  if (action === 'import' && file !== undefined) return await replaceSigningKey(dataDir, Date.now(), await readFile(file, 'utf8'))
  throw new Error(USAGE)
}
