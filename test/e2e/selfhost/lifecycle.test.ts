import { mkdtemp, readdir, stat, symlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { isAlive, type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const bundle = join(import.meta.dirname, '../../support/fixture-worker.js')
const running = new Set<ServerProcess>()
const start = async (options = {}): Promise<ServerProcess> => {
  const server = await startServerProcess({ bundle, ...options })
  running.add(server)
  return server
}
const stop = async (server: ServerProcess): Promise<number | null> => {
  running.delete(server)
  return await server.stop()
}
const json = async (url: string): Promise<Record<string, unknown>> => (await fetch(url)).json() as Promise<Record<string, unknown>>
const untilGone = async (pid: number): Promise<void> => {
  await expect.poll(() => isAlive(pid), { timeout: 60_000 }).toBe(false)
}

afterEach(async () => {
  for (const server of running) await stop(server)
})

describe('the self-hosted server', () => {
  it('migrates the registry before anybody can connect', async () => {
    const server = await start()
    expect(await json(`${server.url}/tables`)).toContain('d1_migrations')
  })

  it('answers waiting requests, ends both processes and exits with 0 when told to stop', async () => {
    const server = await start()
    const workerd = await server.workerdPid()
    const waiting = fetch(`${server.url}/wait`)
    await json(`${server.url}/count`)
    expect(await stop(server)).toBe(0)
    expect(await (await waiting).json()).toEqual({ waited: true })
    await untilGone(workerd)
  })

  it('keeps every acknowledged write through the death of both processes', async () => {
    const server = await start()
    for (let n = 1; n <= 5; n += 1) {
      expect(await json(`${server.url}/count`)).toEqual({ n })
      await server.kill9()
      await server.restart()
    }
    expect(await json(`${server.url}/count`)).toEqual({ n: 6 })
  })

  it('does not leave workerd behind when only its parent is killed, and starts again', async () => {
    const server = await start()
    const workerd = await server.workerdPid()
    process.kill(server.pid, 'SIGKILL')
    await untilGone(server.pid)
    await server.restart()
    await untilGone(workerd)
    expect(await json(`${server.url}/count`)).toEqual({ n: 1 })
  })

  it('brings the Worker back on the same port when only workerd is killed', async () => {
    const server = await start()
    const workerd = await server.workerdPid()
    await json(`${server.url}/count`)
    process.kill(workerd, 'SIGKILL')
    await expect.poll(() => json(`${server.url}/count`).catch(() => undefined), { timeout: 60_000 }).toEqual({ n: 2 })
    expect(await server.workerdPid()).not.toBe(workerd)
    expect(await stop(server)).toBe(0)
  })

  it('runs beside others on one machine, but never twice on one data directory', async () => {
    const [one, other] = [await start(), await start()]
    expect(one.url).not.toBe(other.url)
    await expect(start({ dataDir: one.dataDir })).rejects.toThrow(`in use by process ${one.pid}`)
    expect(await json(`${one.url}/count`)).toEqual({ n: 1 })
  })

  it('says which port is taken', async () => {
    const one = await start()
    const port = new URL(one.url).port
    await expect(start({ env: { MYELIN_PORT: port } })).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`)
  })

  it('ends a workerd that outlived its parent, on systems whose kernel does not', async () => {
    // Without setpriv and setsid the launcher cannot ask the kernel.
    const tools = await mkdtemp(join(tmpdir(), 'myelin-tools-'))
    for (const tool of ['sh', 'sed', 'rm', 'ps']) await symlink(`/bin/${tool}`, join(tools, tool))
    const server = await start({ env: { PATH: tools } })
    const workerd = await server.workerdPid()
    await json(`${server.url}/count`)
    process.kill(server.pid, 'SIGKILL')
    await untilGone(server.pid)
    expect(isAlive(workerd)).toBe(true)
    await server.restart()
    expect(isAlive(workerd)).toBe(false)
    expect(await json(`${server.url}/count`)).toEqual({ n: 2 })
  })

  it('keeps its secrets to its owner and leaves no copies of them behind', async () => {
    const server = await start()
    const files = await readdir(server.dataDir)
    for (const name of ['secret', 'signing.key', 'control.json', 'registration_shared_secret']) {
      expect(files).toContain(name)
      expect((await stat(join(server.dataDir, name))).mode & 0o077).toBe(0)
    }
    expect((await stat(server.dataDir)).mode & 0o077).toBe(0)
    expect(files.filter((name) => name.includes('config') || name.endsWith('.new'))).toEqual([])
  })

  it('does not let whoever reaches the port speak RPC to the Worker', async () => {
    const server = await start()
    const answer = await new Promise<string>((resolve, reject) => {
      const host = 'miniflare-unsafe-internal-capnp-connect'
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
        socket.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      })
      socket.once('data', (data) => {
        socket.destroy()
        resolve(data.toString('latin1'))
      })
      socket.once('error', reject)
    })
    expect(answer).not.toMatch(/^HTTP\/1\.1 2/)
  })
})
