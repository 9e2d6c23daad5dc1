import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const POLLS = 1_000
/** Requests at once while the polls are prepared. */
const PARALLEL = 32
/** Objects leave memory after about ten seconds without work; what that costs is not the cost of waiting. */
const HIBERNATED_AFTER_MS = 13_000
const MEASURED_MS = 4_000
/** A percent of one core: what an idle workerd has for itself. */
const MAX_CPU_MS = 40
/** What forgetting the objects has left to be collected may come later; what waiting costs, it costs in each of these. */
const MEASUREMENTS = 3
/** What the server lets a poll wait at most; longer than everything that is measured. */
const POLL_TIMEOUT_MS = 30_000

interface Metrics {
  readonly parkedPolls: number
}

let server: ServerProcess

beforeAll(async () => {
  server = await startServerProcess()
})
afterAll(async () => {
  await server.stop()
})

async function call(path: string, token?: string, body?: object): Promise<Record<string, string>> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
  const response = await fetch(`${server.url}/_matrix/client/v3/${path}`, init)
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Record<string, string>
}

/** Processor time that workerd has used, in milliseconds (ticks of 10 ms). */
async function cpuMs(): Promise<number> {
  const stat = await readFile(`/proc/${await server.workerdPid()}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function prepare(n: number): Promise<{ readonly token: string; readonly since: string }> {
  const account = { username: `idle${n}`, password: 'a long enough password', auth: { type: 'm.login.dummy' } }
  const { access_token: token = '' } = await call('register', undefined, account)
  const { next_batch: first = '' } = await call('sync?timeout=0', token)
  const { next_batch: since = '' } = await call(`sync?timeout=0&since=${first}`, token)
  return { token, since }
}

it('1,000 polls in which nothing happens wait without using the processor', async () => {
  const clients: { readonly token: string; readonly since: string }[] = []
  for (let start = 0; start < POLLS; start += PARALLEL) {
    const batch = Array.from({ length: Math.min(PARALLEL, POLLS - start) }, (_, n) => prepare(start + n))
    clients.push(...(await Promise.all(batch)))
  }
  const answers = clients.map(({ token, since }) => call(`sync?timeout=${POLL_TIMEOUT_MS}&since=${since}`, token))
  await expect.poll(async () => ((await server.control('GET', '/metrics')) as Metrics).parkedPolls, { timeout: 60_000 }).toBe(POLLS)
  await pause(HIBERNATED_AFTER_MS)
  const used: number[] = []
  while (used.length < MEASUREMENTS && Math.min(...used) > MAX_CPU_MS) {
    const before = await cpuMs()
    await pause(MEASURED_MS)
    used.push((await cpuMs()) - before)
  }
  expect(((await server.control('GET', '/metrics')) as Metrics).parkedPolls).toBe(POLLS)
  expect(Math.min(...used)).toBeLessThanOrEqual(MAX_CPU_MS)
  await Promise.all(answers)
}, 600_000)
