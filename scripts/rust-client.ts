/**
 * `scripts/rust-client.sh`: runs clients/rust against a self-hosted server, ends and restarts that server when asked to, and writes what the client
 * has shown, and which sliding sync requests it took, as JSON. Ends with 1 where something was not shown.
 */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { createInterface } from 'node:readline'
import { describeCommit, describeMachine } from '../bench/machine.ts'
import { startServerProcess } from '../test/support/server-process.ts'

/** One request of sliding sync, as it passed by. */
interface Passed {
  readonly phase: string
  readonly user: string
  readonly connection: string
  readonly hasPos: boolean
  readonly status: number
  readonly rooms: number
  readonly initialRooms: number
}

const SLIDING_PATH = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
const LOOPBACK = '127.0.0.1'

const passed: Passed[] = []
let phase = 'room list loads and grows'
/** Access tokens by the order in which they first came: who is who is of no interest, only that they differ. */
const users = new Map<string, string>()

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

function note(incoming: IncomingMessage, asked: Buffer, status: number, answer: Buffer): void {
  const url = new URL(incoming.url ?? '/', 'http://localhost')
  if (url.pathname !== SLIDING_PATH) return
  const token = incoming.headers.authorization ?? ''
  const user = users.get(token) ?? `client ${users.size + 1}`
  users.set(token, user)
  const { conn_id: connection = '' }: { readonly conn_id?: string } = JSON.parse(asked.toString('utf8') || '{}')
  const { rooms = {} }: { readonly rooms?: Readonly<Record<string, { readonly initial?: boolean }>> } = JSON.parse(
    answer.toString('utf8') || '{}',
  )
  const initialRooms = Object.values(rooms).filter(({ initial }) => initial === true).length
  passed.push({ phase, user, connection, hasPos: url.searchParams.has('pos'), status, rooms: Object.keys(rooms).length, initialRooms })
}

async function pass(target: URL, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const asked = await bodyOf(incoming)
  const options = { host: LOOPBACK, port: target.port, method: incoming.method, path: incoming.url, headers: incoming.headers }
  await new Promise<void>((resolve) => {
    const forwarded = request(options, (response) => {
      void bodyOf(response).then(
        (answer) => {
          note(incoming, asked, response.statusCode ?? 0, answer)
          outgoing.writeHead(response.statusCode ?? 502, response.headers).end(answer)
          resolve()
        },
        () => resolve(void outgoing.destroy()),
      )
    })
    // A server that is gone looks like one.
    forwarded.on('error', () => resolve(void outgoing.destroy()))
    outgoing.on('close', () => forwarded.destroy())
    forwarded.end(asked)
  })
}

async function listen(target: URL): Promise<{ readonly url: string; readonly proxy: Server }> {
  const proxy = createServer((incoming, outgoing) => void pass(target, incoming, outgoing))
  await new Promise<void>((resolve) => proxy.listen(0, LOOPBACK, resolve))
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return { url: `http://${LOOPBACK}:${address.port}`, proxy }
}

/** What each phase took, by client and connection. */
function summary(): unknown[] {
  const groups = new Map<string, Passed[]>()
  for (const one of passed) {
    const key = JSON.stringify([one.phase, one.user, one.connection])
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()].map((group) => ({
    phase: group[0]?.phase,
    client: group[0]?.user,
    connection: group[0]?.connection,
    requests: group.length,
    withoutPosition: group.filter(({ hasPos }) => !hasPos).length,
    refused: group.filter(({ status }) => status !== 200).length,
    rooms: group.reduce((sum, { rooms }) => sum + rooms, 0),
    initialRooms: group.reduce((sum, { initialRooms }) => sum + initialRooms, 0),
  }))
}

interface Line {
  readonly check?: string
  readonly ask?: 'kill'
  readonly note?: string
  readonly done?: boolean
}

const [program, out] = process.argv.slice(2)
if (program === undefined || out === undefined) throw new Error('usage: rust-client.ts <program> <results>')
const server = await startServerProcess()
const { url, proxy } = await listen(new URL(server.url))
const checks: Line[] = []
let done = false
const child = spawn(program, [url], { stdio: ['pipe', 'pipe', 'inherit'] })
const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
for await (const text of createInterface({ input: child.stdout })) {
  process.stderr.write(`${text}\n`)
  const line: Line = JSON.parse(text)
  if (line.check !== undefined) {
    checks.push(line)
    phase = `after: ${line.check}`
  }
  if (line.note !== undefined) phase = line.note
  if (line.done) done = true
  if (line.ask === 'kill') {
    await server.kill9()
    phase = 'after the power failure'
    await server.restart()
    child.stdin.write('up\n')
  }
}
const code = await exited
proxy.closeAllConnections()
proxy.close()
await server.stop()
// What matters most, in one number each: a new initial load would be a request without a position.
const afterFailure = passed.filter(({ phase: when }) => when === 'after the power failure')
const results = {
  client: 'matrix-sdk and matrix-sdk-ui 0.18.0',
  commit: describeCommit(),
  machine: describeMachine(),
  checks,
  newInitialLoadsAfterPowerFailure: afterFailure.filter(({ hasPos }) => !hasPos).length,
  roomsSentAnewAfterPowerFailure: afterFailure.reduce((sum, { initialRooms }) => sum + initialRooms, 0),
  slidingSync: summary(),
}
await writeFile(out, `${JSON.stringify(results, null, 2)}\n`)
process.exitCode = done && code === 0 && results.newInitialLoadsAfterPowerFailure === 0 ? 0 : 1
