import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'

const SAMPLING_INTERVAL_US = 200
const TARGET = 'core:user:myelin'

interface Target {
  readonly id: string
  readonly webSocketDebuggerUrl: string
}

/** What a server is started with so that it can be profiled, and what profiles it; nothing where no profile was asked for. */
export async function inspected(
  prefix: string | undefined,
): Promise<{ env: Readonly<Record<string, string>>; profiler: Profiler | undefined }> {
  if (prefix === undefined) return { env: {}, profiler: undefined }
  const port = await freeInspectorPort()
  const preload = join(import.meta.dirname, 'inspector-preload.mjs')
  return { env: { BENCH_INSPECTOR_PORT: String(port), NODE_OPTIONS: `--import=${preload}` }, profiler: new Profiler(port, prefix) }
}

/** A port that nobody listens on right now. */
async function freeInspectorPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}

/** Records CPU profiles of the Worker's isolate, where all of the server's JavaScript runs. They open in any browser's developer tools. */
export class Profiler {
  readonly #port: number
  readonly #prefix: string
  #socket: WebSocket | undefined
  #lastId = 0
  readonly #waiting = new Map<number, (result: unknown) => void>()

  constructor(port: number, prefix: string) {
    this.#port = port
    this.#prefix = prefix
  }

  async start(): Promise<void> {
    const targets = (await (await fetch(`http://127.0.0.1:${this.#port}/json`)).json()) as Target[]
    const target = targets.find(({ id }) => id === TARGET)
    if (target === undefined) throw new Error(`nothing to profile among ${targets.map(({ id }) => id).join(', ')}`)
    const socket = new WebSocket(`ws://127.0.0.1:${this.#port}/${target.id}`)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown }
      if (id !== undefined) this.#waiting.get(id)?.(result)
    })
    this.#socket = socket
    await this.#call('Profiler.enable')
    await this.#call('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US })
    await this.#call('Profiler.start')
  }

  /** Writes the profile since `start`. */
  async stop(name: string): Promise<void> {
    const { profile } = (await this.#call('Profiler.stop')) as { profile: unknown }
    await writeFile(`${this.#prefix}-${name}.cpuprofile`, JSON.stringify(profile))
    this.#socket?.close()
    this.#socket = undefined
  }

  #call(method: string, params?: unknown): Promise<unknown> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, (result) => {
        this.#waiting.delete(id)
        resolve(result)
      })
      this.#socket?.send(JSON.stringify({ id, method, params }))
    })
  }
}
