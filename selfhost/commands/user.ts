import { readHostConfig } from '../config.ts'
import { readControlFile } from '../control-file.ts'
import type { Options } from '../options.ts'
import { say } from '../output.ts'
import { generatePassword, loadRegistrationSecret, registerUser } from '../registration.ts'

const USAGE = 'usage: npm run user -- create <name> [--password <password>] [--admin]'

/** `npm run user -- create <name>`: creates an account on the server that runs on the configured data directory. */
export async function user(options: Options): Promise<void> {
  const [, action, username] = options.positionals
  if (action !== 'create' || username === undefined) throw new Error(USAGE)
  const config = await readHostConfig({ env: process.env, file: options.config, cwd: process.cwd() })
  const control = await readControlFile(config.dataDir)
  if (control === undefined) throw new Error(`no server is running on ${config.dataDir}; start it with "npm start" first`)
  const secret = config.registrationSharedSecret ?? (await loadRegistrationSecret(config.dataDir))
  const password = options.password ?? generatePassword()
  const userId = await registerUser(control.url, secret, { username, password, admin: options.admin }).catch((cause: unknown) => {
    // What fetch throws when nobody listens.
    if (cause instanceof TypeError) throw new Error(`the server at ${control.url} does not answer; start it with "npm start" first`)
    throw cause
  })
  say(options.password === undefined ? `Created ${userId} with password ${password}` : `Created ${userId}`)
}
