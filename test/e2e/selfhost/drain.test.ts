import { expect, it } from 'vitest'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

interface Metrics {
  readonly parkedPolls: number
  readonly requestsInFlight: number
}

async function register(server: ServerProcess, username: string): Promise<string> {
  const response = await fetch(`${server.url}/_matrix/client/v3/register`, {
    method: 'POST',
    body: JSON.stringify({ username, password: 'a long enough password', auth: { type: 'm.login.dummy' } }),
  })
  const body = (await response.json()) as { readonly access_token: string }
  expect(response.status).toBe(200)
  return body.access_token
}

it('answers parked polls at once when it is told to stop, with a position that is good after the restart', async () => {
  const server = await startServerProcess()
  const token = await register(server, 'alice')
  const sync = async (query: string): Promise<{ readonly next_batch: string }> => {
    const response = await fetch(`${server.url}/_matrix/client/v3/sync?${query}`, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(200)
    return (await response.json()) as { readonly next_batch: string }
  }
  const { next_batch: since } = await sync('timeout=0')
  // Whatever registration has left behind is answered first; only then does a poll wait.
  const quiet = (await sync(`timeout=0&since=${since}`)).next_batch
  // Longer than a server that is told to stop lets requests go on: it is answered by then, or never.
  const parked = sync(`timeout=30000&since=${quiet}`)
  await expect.poll(async () => ((await server.control('GET', '/metrics')) as Metrics).parkedPolls, { timeout: 60_000 }).toBe(1)

  process.kill(server.pid, 'SIGTERM')
  const { next_batch: position } = await parked
  await expect.poll(() => fetch(server.url).catch(() => 'gone'), { timeout: 60_000 }).toBe('gone')

  await server.restart()
  await sync(`timeout=0&since=${position}`)
  expect(await server.stop()).toBe(0)
})
