import { createHmac, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivateFile } from './private-file.ts'

const FILE = 'registration_shared_secret'
const PASSWORD_BYTES = 15

/** What an account is created with. */
export interface NewUser {
  readonly username: string
  readonly password: string
  readonly admin: boolean
}

/** The shared secret of a data directory, made on the first start, for when none is configured. */
export async function loadRegistrationSecret(dataDir: string): Promise<string> {
  const file = join(dataDir, FILE)
  const found = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  if (found !== '') return found
  const secret = randomBytes(32).toString('base64url')
  await writePrivateFile(file, `${secret}\n`)
  return secret
}

/** A password that nobody has to invent. */
export function generatePassword(): string {
  return randomBytes(PASSWORD_BYTES).toString('base64url')
}

function refusalOf(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('errcode' in body)) return 'unexpected answer'
  return `${String(body.errcode)}${'error' in body ? `: ${String(body.error)}` : ''}`
}

/** Thrown when the server does not create an account; `errcode` says why. */
export class RegistrationError extends Error {
  readonly errcode: string
  constructor(status: number, body: unknown) {
    super(`the server answered ${status} ${refusalOf(body)}`)
    this.name = 'RegistrationError'
    this.errcode = typeof body === 'object' && body !== null && 'errcode' in body ? String(body.errcode) : ''
  }
}

/** Creates an account through Synapse's shared-secret registration, which works whatever the registration mode. Answers its Matrix ID. */
export async function registerUser(url: string, sharedSecret: string, user: NewUser): Promise<string> {
  const endpoint = `${url}/_synapse/admin/v1/register`
  const offer = await fetch(endpoint)
  const offered: unknown = await offer.json().catch(() => undefined)
  if (typeof offered !== 'object' || offered === null || !('nonce' in offered) || typeof offered.nonce !== 'string') {
    throw new RegistrationError(offer.status, offered)
  }
  const { nonce } = offered
  const parts = [nonce, user.username, user.password, user.admin ? 'admin' : 'notadmin']
  const mac = createHmac('sha1', sharedSecret).update(parts.join('\0')).digest('hex')
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ nonce, ...user, mac }),
  })
  const body: unknown = await answer.json().catch(() => undefined)
  if (answer.status !== 200 || typeof body !== 'object' || body === null || !('user_id' in body))
    throw new RegistrationError(answer.status, body)
  return String(body.user_id)
}
