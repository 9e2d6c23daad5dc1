import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isJsonObject, type JsonValue } from '../../../src/matrix/json.ts'
import { type HttpsServer, serveWith } from '../../support/federation-https.ts'
import { eventually, federationEnv, joinVia, makeFederationTls } from '../../support/federation-pair.ts'
import { freePort } from '../../support/free-port.ts'
import { GiantRoom } from '../../support/giant-room.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

/*
 * A server of this kind is joined through by another one: it leaves members out of its answer, and is asked for them afterwards.
 */

/** More members than an answer to a join has. */
const SIZE = { members: 210, earlier: 0, servers: 3 }
const MAX_PAGES = 10
const LAZY = JSON.stringify({ room: { state: { lazy_load_members: true }, timeline: { lazy_load_members: true, limit: 50 } } })

/** What `here` is reached through: questions for whole states wait for the gate. */
class Gate {
  readonly #opened = Promise.withResolvers<void>()
  target = ''
  /** Questions that have come. */
  asked = 0
  /** What it has answered joins with. */
  readonly joins: JsonValue[] = []

  open(): void {
    this.#opened.resolve()
  }

  async answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url)
    if (/\/v1\/state(_ids)?\//.test(pathname)) {
      this.asked += 1
      await this.#opened.promise
    }
    const { method, headers } = request
    const forwarded = new Headers([...headers].filter(([name]) => !/^(host|connection|content-length|transfer-encoding)$/.test(name)))
    const body = method === 'GET' ? null : await request.arrayBuffer()
    const response = await fetch(`${this.target}${pathname}${search}`, { method, headers: forwarded, body })
    const text = await response.text()
    if (/\/v2\/send_join\//.test(pathname)) this.joins.push(JSON.parse(text) as JsonValue)
    return new Response(text, { status: response.status, headers: { 'content-type': 'application/json' } })
  }
}

const gate = new Gate()
const stops: (() => Promise<unknown>)[] = []
let giant: GiantRoom
let hereName: string
let here: ServerProcess
let there: ServerProcess

beforeAll(async () => {
  const tls = await makeFederationTls()
  stops.push(() => rm(tls.folder, { recursive: true, force: true }))
  let room: GiantRoom | undefined
  const owner: HttpsServer = await serveWith({ answer: async (request) => room?.owner.answer(request) ?? Response.error() }, tls)
  stops.push(() => owner.close())
  room = new GiantRoom(`localhost:${owner.port}`, SIZE, Date.now())
  giant = room
  const link = await serveWith(gate, tls)
  stops.push(() => link.close())
  const start = async (serverName: string, tlsPort: number): Promise<ServerProcess> => {
    const env = { ...federationEnv(tlsPort, tls), MYELIN_NOTARIES: giant.owner.serverName }
    const server = await startServerProcess({ serverName, env })
    stops.push(() => server.stop())
    return server
  }
  hereName = `localhost:${link.port}`
  here = await start(hereName, await freePort())
  gate.target = here.url
  const port = await freePort()
  there = await start(`localhost:${port}`, port)
}, 180_000)

afterAll(async () => {
  gate.open()
  for (const stop of stops.reverse()) await stop()
})

/** What was said since the server came in. The owner of the room tells nobody what was before. */
async function bodies(client: MatrixClient, roomId: string): Promise<unknown[]> {
  const { timeline } = (await client.sync({ filter: LAZY })).rooms?.join?.[roomId] ?? {}
  return (timeline?.events ?? []).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
}

/** What was said, by paging backwards until something was: events come in small pages, so that nobody is asked for what nobody has. */
async function history(client: MatrixClient, roomId: string, first: string): Promise<unknown[]> {
  const said: unknown[] = []
  let from: string | undefined
  for (let page = 0; page < MAX_PAGES && !said.includes(first); page += 1) {
    const { chunk, end } = await client.messages(roomId, { from, limit: '2' })
    said.push(...chunk.filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body))
    from = end
  }
  return said.reverse()
}

const stateIds = async (client: MatrixClient, roomId: string): Promise<string[]> =>
  (await client.state(roomId)).map(({ event_id }) => event_id).sort()

describe('a large room that is joined through another server of this kind', () => {
  it('is used while its members are on their way, and is the same room on both servers when they have come', async () => {
    const { roomId } = giant.room
    const [alice, carol] = [
      await MatrixClient.register({ url: here.url, fetch }, 'alice'),
      await MatrixClient.register({ url: here.url, fetch }, 'carol'),
    ]
    const bob = await MatrixClient.register({ url: there.url, fetch }, 'bob')
    await joinVia(alice, roomId, giant.owner.serverName)
    // The owner knows the room no more: whoever wants its state asks the server that it was joined through.
    giant.owner.on('GET', /\/v1\/state(_ids)?\//, () => Response.json({ errcode: 'M_NOT_FOUND', error: 'Gone' }, { status: 404 }))
    await alice.send(roomId, 'before bob')
    await joinVia(bob, roomId, hereName)
    const answer = gate.joins.at(-1)
    expect(isJsonObject(answer) && answer.members_omitted).toBe(true)
    await eventually(
      async () => gate.asked,
      (times) => times > 0,
    )
    // Both speak and hear one another; somebody comes, somebody changes their name.
    await bob.send(roomId, 'bob is here')
    await eventually(
      () => bodies(alice, roomId),
      (list) => list.includes('bob is here'),
    )
    await carol.join(roomId)
    await carol.send(roomId, 'carol is here')
    await alice.sendState(roomId, 'm.room.member', alice.userId, { membership: 'join', displayname: 'Alice, renamed' })
    await alice.send(roomId, 'hello bob')
    await eventually(
      () => bodies(bob, roomId),
      (list) => list.includes('hello bob'),
    )
    expect((await bob.sync({ filter: LAZY })).rooms?.join?.[roomId]?.timeline?.events?.map(({ sender }) => sender)).toContain(carol.userId)
    expect((await bob.sync()).rooms?.join?.[roomId]).toBeUndefined()
    gate.open()
    await eventually(
      async () => (await bob.sync()).rooms?.join?.[roomId] !== undefined,
      (isThere) => isThere,
    )
    await bob.send(roomId, 'whole')
    await eventually(
      () => bodies(alice, roomId),
      (list) => list.includes('whole'),
    )
    const members = await bob.joinedMembers(roomId)
    expect(members).toHaveLength(SIZE.members + 4)
    expect(members).toEqual(await alice.joinedMembers(roomId))
    expect(await stateIds(bob, roomId)).toEqual(await stateIds(alice, roomId))
    const said = ['bob is here', 'carol is here', 'hello bob', 'whole']
    expect(await bodies(alice, roomId)).toEqual(['before bob', ...said])
    expect(await bodies(bob, roomId)).toEqual(said)
    expect(await history(bob, roomId, 'before bob')).toEqual(['before bob', ...said])
  }, 240_000)
})
