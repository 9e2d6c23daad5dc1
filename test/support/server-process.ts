import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'

const root = join(import.meta.dirname, '../..')
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000
const POLL_MS = 25
/** Characters of the server's output that are kept for failure messages. */
const MAX_OUTPUT = 100_000

/** What may differ from a throw-away server with open registration and no rate limits. */
export interface ServerOptions {
  readonly serverName?: string
  /** Kept by `stop()`. Without it a temporary directory is made, and removed by `stop()`. */
  readonly dataDir?: string
  /** MYELIN_ variables and others, over the defaults. */
  readonly env?: Readonly<Record<string, string>>
  /** Worker to run instead of the bundled sources. */
  readonly bundle?: string
}

/** What `control.json` tells about a running server. */
interface Control {
  readonly pid: number
  readonly url: string
  readonly port: number
  readonly tlsPort?: number
  readonly token: string
}

/** A self-hosted server in a process of its own. */
export interface ServerProcess {
  /** Base URL of the client API; the same after a restart. */
  readonly url: string
  readonly tlsPort: number | undefined
  readonly dataDir: string
  /** Process ID of the self-hosting program. */
  readonly pid: number
  /** Process ID of workerd, where the CPU and memory of the server are. */
  workerdPid(): Promise<number>
  /** Everything that the server has written so far, shortened. */
  output(): string
  /** A control route's answer, e.g. `control('GET', '/metrics')`. Throws unless it is 200. */
  control(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown>
  /** Ends both processes as a power failure would, and waits until they are gone. */
  kill9(): Promise<void>
  /** Starts again on the same data directory and port, after `kill9()` or instead of what still runs. */
  restart(): Promise<void>
  /** Asks the server to stop, as a supervisor would; answers its exit code. Removes a temporary data directory. */
  stop(): Promise<number | null>
}

interface Running {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  readonly control: Control
}

/** The environment without the settings of whoever runs the tests. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MYELIN_')))
}

async function readControl(dataDir: string): Promise<Control | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDir, 'control.json'), 'utf8')) as Control
  } catch {
    return undefined
  }
}

/** Whether a process still runs. One that has ended but whose parent has not noticed yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return process.platform !== 'linux'
  }
}

async function launch(dataDir: string, port: number, options: ServerOptions, write: (text: string) => void): Promise<Running> {
  const bundle = options.bundle === undefined ? [] : ['--bundle', options.bundle]
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'selfhost/main.ts'), 'serve', ...bundle], {
    cwd: dataDir,
    // Through the channel the server notices when the tests are gone, and stops.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...cleanEnvironment(),
      MYELIN_SERVER_NAME: options.serverName ?? 'localhost:8448',
      MYELIN_PORT: String(port),
      MYELIN_DATA_DIR: dataDir,
      MYELIN_REGISTRATION: 'open',
      MYELIN_RATE_LIMITS: 'off',
      MYELIN_LOG: 'warn',
      ...options.env,
    },
  })
  let failed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      failed = (failed + text).slice(-MAX_OUTPUT)
      write(text)
    })
  }
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  for (let waitedMs = 0; waitedMs < START_TIMEOUT_MS; waitedMs += POLL_MS) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${failed}`)
    const control = await readControl(dataDir)
    if (control !== undefined && control.pid === child.pid && (await isUp(control.url))) return { child, exited, control }
    await delay(POLL_MS)
  }
  child.kill('SIGKILL')
  throw new Error(`the server was not up after ${START_TIMEOUT_MS} ms:\n${failed}`)
}

async function isUp(url: string): Promise<boolean> {
  return await fetch(`${url}/_matrix/client/versions`).then(
    async (response) => {
      await response.arrayBuffer()
      return response.status === 200
    },
    () => false,
  )
}

/** Starts a self-hosted server on a free port; answers when it accepts requests. */
export async function startServerProcess(options: ServerOptions = {}): Promise<ServerProcess> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'myelin-test-')))
  let output = ''
  const write = (text: string): void => {
    output = (output + text).slice(-MAX_OUTPUT)
  }
  let running = await launch(dataDir, await freePort(), options, write)
  const { url, port, tlsPort } = running.control

  const workerdPid = async (): Promise<number> => Number(await readFile(join(dataDir, 'workerd.pid'), 'utf8'))
  const kill9 = async (): Promise<void> => {
    const workerd = await workerdPid()
    running.child.kill('SIGKILL')
    if (isAlive(workerd)) process.kill(workerd, 'SIGKILL')
    await running.exited
    while (isAlive(workerd)) await delay(POLL_MS)
  }
  return {
    url,
    tlsPort,
    dataDir,
    get pid() {
      return running.control.pid
    },
    workerdPid,
    output: () => output,
    control: async (method, path, body) => {
      const response = await fetch(`${url}/_myelin/control${path}`, {
        method,
        headers: { authorization: `Bearer ${running.control.token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const answer: unknown = await response.json()
      if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
      return answer
    },
    kill9,
    restart: async () => {
      if (running.child.exitCode === null && running.child.signalCode === null) await kill9()
      running = await launch(dataDir, port, options, write)
    },
    stop: async () => {
      running.child.kill('SIGTERM')
      const killer = setTimeout(() => running.child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      const code = await running.exited
      clearTimeout(killer)
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
      return code
    },
  }
}
