import { execFileSync } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { isLoopback, readHostConfig } from '../../../selfhost/config.ts'

let cwd: string
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'myelin-config-'))
})

const read = (env: Record<string, string>, file?: string) => readHostConfig({ env, file, cwd })

describe('reading the configuration', () => {
  it('falls back to a closed server on loopback when nothing is configured', async () => {
    const config = await read({})
    expect(config).toMatchObject({ serverName: 'localhost:8448', bind: '127.0.0.1', port: 8008, registration: 'closed', tls: undefined })
    expect(config.dataDir).toBe(join(cwd, 'data'))
    expect(config.warnings).toEqual([])
  })

  it('lets the environment win over the file', async () => {
    await writeFile(join(cwd, 'a.jsonc'), '{ // a comment\n "server_name": "a.example", "port": 1234, "rate_limits": false, }')
    const config = await read({ MYELIN_PORT: '4321' }, 'a.jsonc')
    expect(config).toMatchObject({ serverName: 'a.example', port: 4321 })
    expect(config.variables.MYELIN_RATE_LIMITS).toBe('off')
  })

  it('takes paths in the file as relative to the file', async () => {
    await writeFile(join(cwd, 'b.jsonc'), '{ "data_dir": "state" }')
    expect((await readHostConfig({ env: {}, file: join(cwd, 'b.jsonc'), cwd: '/' })).dataDir).toBe(join(cwd, 'state'))
  })

  it('lists every problem at once', async () => {
    await writeFile(join(cwd, 'c.jsonc'), '{ "prot": 1, "bind": [] }')
    const env = {
      MYELIN_PORT: 'http',
      MYELIN_SERVER_NAME: 'not a name',
      MYELIN_REGISTRATION: 'maybe',
      MYELIN_TLS_CERT: '/no/such/file',
      MYELIN_APPSERVICES: '/no/such/folder',
      MYELIN_SECRET: 'short',
    }
    const failure = await read(env, 'c.jsonc').catch((cause: Error) => cause.message)
    for (const hint of [
      'prot',
      'bind',
      'MYELIN_PORT',
      'SERVER_NAME',
      'REGISTRATION',
      'TLS_CERT',
      'TLS_KEY',
      'APPSERVICES',
      'MYELIN_SECRET',
    ]) {
      expect(failure).toContain(hint)
    }
  })

  it('looks into the files that it names: certificates, keys, and whether they belong together', async () => {
    const make = (name: string) => {
      const files = ['-keyout', join(cwd, `${name}.key`), '-out', join(cwd, `${name}.pem`)]
      const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`]
      execFileSync('openssl', [...args, ...files], { stdio: 'ignore' })
    }
    make('one')
    make('two')
    await writeFile(join(cwd, 'text.pem'), 'neither')
    const tls = (cert: string, key: string, ca: string) =>
      read({ MYELIN_TLS_CERT: cert, MYELIN_TLS_KEY: key, MYELIN_EXTRA_CA: ca }).catch((cause: Error) => cause.message)
    expect(await tls('one.pem', 'one.key', 'two.pem')).toMatchObject({ tls: { port: 8448, certFile: join(cwd, 'one.pem') } })
    expect(await tls('one.pem', 'two.key', 'two.pem')).toContain('MYELIN_TLS_KEY is not the key of the certificate')
    const failure = await tls('text.pem', 'text.pem', 'one.key')
    for (const hint of ['MYELIN_TLS_CERT does not', 'MYELIN_TLS_KEY does not', 'MYELIN_EXTRA_CA does not']) expect(failure).toContain(hint)
  })

  it('refuses a file that it cannot read rather than starting with defaults', async () => {
    await expect(read({}, 'missing.jsonc')).rejects.toThrow('missing.jsonc cannot be read')
  })

  it('warns about names that mean nothing', async () => {
    expect((await read({ MYELIN_SERVERNAME: 'typo.example' })).warnings).toEqual([
      'MYELIN_SERVERNAME is not a setting of Myelin; it is ignored',
    ])
  })

  it('believes a reverse proxy only where nothing else can connect, unless told otherwise', async () => {
    const source = async (env: Record<string, string>) => (await read(env)).variables.MYELIN_CLIENT_ADDRESS
    expect(await source({})).toBe('x-forwarded-for')
    expect(await source({ MYELIN_BIND: '0.0.0.0' })).toBe('none')
    expect(await source({ MYELIN_BIND: '0.0.0.0', MYELIN_TRUST_PROXY: 'on' })).toBe('x-forwarded-for')
    expect(['127.0.0.1', '127.8.8.8', 'localhost', '::1'].every(isLoopback)).toBe(true)
    expect(['0.0.0.0', '::', '10.0.0.1', '1.127.0.0.1'].some(isLoopback)).toBe(false)
  })
})
