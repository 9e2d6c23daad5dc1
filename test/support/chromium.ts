import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const START_TIMEOUT_MS = 60_000
const CONDITION_TIMEOUT_MS = 30_000
const POLL_MS = 50

/** An answer or an event of Chromium's debugging protocol. */
interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: {
    readonly entry?: { readonly text: string; readonly source: string }
    readonly request?: { readonly url: string }
  }
  readonly result?: { readonly result?: { readonly value?: unknown } }
}

/** One tab of a headless Chromium, driven over its debugging protocol. */
export class ChromiumTab {
  /** What the browser has complained of, violated policies among it. */
  readonly complaints: string[] = []
  /** Every address that was asked for. */
  readonly requested: string[] = []
  readonly #process: ChildProcess
  readonly #profile: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (message: Message) => void>()
  #calls = 0

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process
    this.#profile = profile
    this.#socket = socket
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Message)
  }

  /** Starts a Chromium with an empty profile. */
  static async start(program: string): Promise<ChromiumTab> {
    const profile = await mkdtemp(join(tmpdir(), 'myelin-chromium-'))
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${profile}`]
    const child = spawn(program, [...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] })
    const port = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('Chromium did not start')), START_TIMEOUT_MS)
      child.stderr?.on('data', (text) => {
        const found = /ws:\/\/[^:/]+:(\d+)\//.exec(String(text))?.[1]
        if (found === undefined) return
        clearTimeout(timer)
        resolve(found)
      })
    })
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { type: string; webSocketDebuggerUrl: string }[]
    const socket = new WebSocket(targets.find(({ type }) => type === 'page')?.webSocketDebuggerUrl ?? '')
    await new Promise((resolve) => {
      socket.onopen = resolve
    })
    const tab = new ChromiumTab(child, profile, socket)
    for (const domain of ['Page', 'Log', 'Network', 'Runtime']) await tab.#call(`${domain}.enable`)
    return tab
  }

  #take({ id, method, params, ...message }: Message): void {
    if (id !== undefined) this.#waiting.get(id)?.(message)
    // What the server refuses is the business of tests.
    if (method === 'Log.entryAdded' && params?.entry?.source !== 'network') this.complaints.push(params?.entry?.text ?? '')
    if (method === 'Network.requestWillBeSent') this.requested.push(params?.request?.url ?? '')
  }

  #call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<Message> {
    this.#calls += 1
    const id = this.#calls
    const answered = new Promise<Message>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    return answered
  }

  async open(url: string): Promise<void> {
    await this.#call('Page.navigate', { url })
  }

  /** Evaluates an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    return (await this.#call('Runtime.evaluate', { expression, returnByValue: true })).result?.result?.value
  }

  /** Waits until an expression is true in the page, whichever page that is by then. */
  async until(expression: string): Promise<void> {
    for (const endMs = performance.now() + CONDITION_TIMEOUT_MS; (await this.evaluate(expression)) !== true; ) {
      if (performance.now() > endMs)
        throw new Error(`${expression} did not become true; the page says: ${await this.evaluate('document.body.innerText')}`)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#socket.close()
    this.#process.kill('SIGKILL')
    await gone
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
