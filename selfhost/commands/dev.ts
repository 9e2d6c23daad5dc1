import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readHostConfig } from '../config.ts'
import type { Options } from '../options.ts'
import { say } from '../output.ts'
import { writePrivateFile } from '../private-file.ts'
import { generatePassword, RegistrationError, registerUser } from '../registration.ts'
import { startServer } from '../server.ts'
import { untilToldToStop } from '../stop-signal.ts'

const USERS = ['alice', 'bob'] as const

/** The password that the seeded users of a data directory share: made once, so that it can be used again after a restart. */
async function devPassword(file: string): Promise<string> {
  const found = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  if (found !== '') return found
  const password = generatePassword()
  await writePrivateFile(file, `${password}\n`)
  return password
}

/** `npm run dev`: a server in ./data/dev with open registration and two users to try it with. */
export async function dev(options: Options): Promise<void> {
  const defaults = { MYELIN_REGISTRATION: 'open', MYELIN_DATA_DIR: resolve('data/dev') }
  const config = await readHostConfig({ env: { ...defaults, ...process.env }, file: options.config, cwd: process.cwd() })
  const server = await startServer(config, options)
  const password = await devPassword(server.dataDir.file('dev-password'))
  for (const username of USERS) {
    await registerUser(server.runtime.url, server.runtime.registrationSecret, { username, password, admin: username === 'alice' }).catch(
      (cause: unknown) => {
        if (!(cause instanceof RegistrationError) || cause.errcode !== 'M_USER_IN_USE') throw cause
      },
    )
  }
  say(`Myelin serves ${config.serverName} on ${server.runtime.url}`)
  say(`Log in as ${USERS.map((name) => `@${name}:${config.serverName}`).join(' or ')} with password ${password}`)
  await untilToldToStop()
  await server.stop()
}
