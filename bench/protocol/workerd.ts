import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { freePort } from '../../test/support/free-port.ts'

const START_TIMEOUT_MS = 10_000
const POLL_MS = 20

/** A workerd that runs one Worker. */
export interface Workerd {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** Bundles a Worker and starts it alone, without bindings and without Miniflare. */
export async function startWorkerd(worker: URL): Promise<Workerd> {
  const folder = await mkdtemp(join(tmpdir(), 'myelin-workerd-'))
  const port = await freePort()
  await build({
    entryPoints: [fileURLToPath(worker)],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    external: ['node:*'],
    outfile: join(folder, 'worker.js'),
    logLevel: 'silent',
  })
  await writeFile(join(folder, 'config.capnp'), configOf(port))
  const require = createRequire(createRequire(import.meta.url).resolve('miniflare'))
  const { default: binary } = require('workerd') as { default: string }
  const child = spawn(binary, ['serve', join(folder, 'config.capnp')], { stdio: 'inherit' })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async (): Promise<void> => {
    child.kill()
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const up = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )
    if (up && child.pid !== undefined) return { url, pid: child.pid, stop }
    if (child.exitCode !== null || waitedMs > START_TIMEOUT_MS) {
      await stop()
      throw new Error('workerd did not start')
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function configOf(port: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")],
    compatibilityDate = "2026-11-01",
    compatibilityFlags = ["nodejs_compat"],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`
}
