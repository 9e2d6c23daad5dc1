import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { abortObject, homeserver } from '../../support/crash-server.ts'
import { MatrixClient, type SyncResponse } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

/*
 * A self-hosted server keeps waiting polls in memory; on sockets they are tested in test/worker/durable/user/parking.test.ts.
 */

/** Longer than any of these polls waits for what it is told. */
const LONG_MS = '25000'
const LIMIT = { timeout: 60_000 }

let server: ServerProcess
let made = 0
/** Somebody whose last poll ended by itself when these tests began, and how others saw them then. */
let visitor: { readonly host: MatrixClient; readonly userId: string; readonly presence: string }

beforeAll(async () => {
  server = await startServerProcess({ env: { MYELIN_PRESENCE: 'on' } })
  const { alice, bob } = await pair('online')
  visitor = { host: alice, userId: bob.userId, presence: await presenceOf(bob.userId, alice) }
}, 120_000)

afterAll(async () => {
  await server.stop()
})

async function metrics(): Promise<{ readonly parkedPolls: number; readonly costs: Readonly<Record<string, number>> }> {
  return (await server.control('GET', '/metrics')) as Awaited<ReturnType<typeof metrics>>
}

async function presenceOf(userId: string, asker: MatrixClient): Promise<string> {
  return (await asker.call<{ presence: string }>('GET', `/v3/presence/${encodeURIComponent(userId)}/status`)).presence
}

function parked(count: number): Promise<void> {
  return expect.poll(async () => (await metrics()).parkedPolls, LIMIT).toBe(count)
}

/** Two users in a room of their own, and where the second one is when nothing is left to tell. */
async function pair(presence = 'offline') {
  made += 1
  const home = homeserver(server)
  const [alice, bob] = [await MatrixClient.register(home, `alice${made}`), await MatrixClient.register(home, `bob${made}`)]
  const roomId = await alice.createRoom()
  await bob.join(roomId)
  return { alice, bob, roomId, since: await quiet(bob, presence) }
}

/** Where a client is once it has heard everything, with what others say of themselves a moment later. */
async function quiet(client: MatrixClient, presence = 'offline'): Promise<string> {
  let { next_batch: since } = await client.sync({ set_presence: presence })
  for (;;) {
    const answer = await client.sync({ since, timeout: '3000', set_presence: presence })
    if (answer.next_batch === since) return since
    since = answer.next_batch
  }
}

function wait(client: MatrixClient, since: string, more: Readonly<Record<string, string>> = {}): Promise<SyncResponse> {
  return client.sync({ since, timeout: LONG_MS, set_presence: 'offline', ...more })
}

function bodies(answer: SyncResponse | undefined, roomId: string): unknown[] {
  return (answer?.rooms?.join?.[roomId]?.timeline?.events ?? []).flatMap(({ type, content }) =>
    type === 'm.room.message' ? [content.body] : [],
  )
}

describe('a poll that waits in memory', { timeout: 120_000 }, () => {
  it('is answered with what happens, on every device, and leaves nothing behind', async () => {
    const { alice, bob, roomId, since } = await pair()
    const phone = await MatrixClient.logIn(bob.server, bob.userId)
    const there = await quiet(phone)
    const polls = [wait(bob, since), wait(phone, there)]
    await parked(2)
    await alice.send(roomId, 'all')
    for (const answer of await Promise.all(polls)) expect(bodies(answer, roomId)).toEqual(['all'])
    await parked(0)
  })

  it('is woken by account data and by an invitation', async () => {
    const { alice, bob, since } = await pair()
    const first = wait(bob, since)
    await parked(1)
    await bob.call('PUT', `/v3/user/${encodeURIComponent(bob.userId)}/account_data/org.example`, { body: { a: 1 } })
    const { account_data: told, next_batch: next } = await first
    expect(told?.events?.map(({ type }) => type)).toEqual(['org.example'])
    const second = wait(bob, next)
    await parked(1)
    const invited = await alice.createRoom({ invite: [bob.userId] })
    expect(Object.keys((await second).rooms?.invite ?? {})).toEqual([invited])
  })

  it('is answered with nothing when its time is up, and its token goes on from there', async () => {
    const { alice, bob, roomId, since } = await pair()
    const answer = await wait(bob, since, { timeout: '300' })
    expect(answer.rooms?.join).toEqual({})
    await alice.send(roomId, 'later')
    expect(bodies(await wait(bob, answer.next_batch), roomId)).toEqual(['later'])
    await parked(0)
  })

  it('gives way to a newer one of the same connection, which hears of everything', async () => {
    const { alice, bob, roomId, since } = await pair()
    const older = wait(bob, since)
    await parked(1)
    const newer = wait(bob, since)
    expect((await older).rooms?.join).toEqual({})
    await parked(1)
    await alice.send(roomId, 'for the newer')
    expect(bodies(await newer, roomId)).toEqual(['for the newer'])
  })

  it('gives way where a device has too many, if it has waited longest', async () => {
    const { alice, bob, roomId, since } = await pair()
    const withLimit = (limit: number): Promise<SyncResponse> =>
      wait(bob, since, { filter: JSON.stringify({ room: { timeline: { limit } } }) })
    const oldest = withLimit(1)
    await parked(1)
    const others = [2, 3, 4].map(withLimit)
    await parked(4)
    const fifth = withLimit(5)
    expect(bodies(await oldest, roomId)).toEqual([])
    await parked(4)
    await alice.send(roomId, 'for the rest')
    for (const answer of await Promise.all([...others, fifth])) expect(bodies(answer, roomId)).toEqual(['for the rest'])
  })

  it('ends when its device is logged out, with M_UNKNOWN_TOKEN', async () => {
    const { bob } = await pair()
    const phone = await MatrixClient.logIn(bob.server, bob.userId)
    const poll = wait(phone, await quiet(phone))
    await parked(1)
    await Promise.all([expect(poll).rejects.toMatchObject({ status: 401, errcode: 'M_UNKNOWN_TOKEN' }), phone.logOut()])
    await parked(0)
  })

  it('outlives the object of its account, which finds it in its next life', async () => {
    const { alice, bob, roomId, since } = await pair()
    const poll = wait(bob, since)
    await parked(1)
    await abortObject(server, 'user', bob.userId)
    await alice.send(roomId, 'after the end')
    let answer = await poll
    // It may have been told only to ask again.
    while (bodies(answer, roomId).length === 0) answer = await wait(bob, answer.next_batch)
    expect(bodies(answer, roomId)).toEqual(['after the end'])
  })

  it('waits in sliding sync as well', async () => {
    const { alice, bob, roomId } = await pair()
    const path = '/unstable/org.matrix.simplified_msc3575/sync'
    const body = { lists: { all: { ranges: [[0, 9]], timeline_limit: 1, required_state: [] } } }
    interface Answer {
      readonly pos: string
      readonly rooms: Readonly<Record<string, { readonly timeline?: readonly { readonly content: { readonly body?: string } }[] }>>
    }
    const slide = (pos?: string): Promise<Answer> =>
      bob.call('POST', path, { query: { pos, timeout: pos === undefined ? '0' : LONG_MS }, body })
    const { pos } = await slide()
    const poll = slide(pos)
    await parked(1)
    await alice.send(roomId, 'slide')
    const answer = await poll
    expect(answer.rooms[roomId]?.timeline?.map(({ content }) => content.body)).toEqual(['slide'])
  })

  it('has told others that its user was there, and has gone when none came after it', async () => {
    const { host, userId, presence } = visitor
    expect(presence).toBe('online')
    await expect.poll(() => presenceOf(userId, host), { timeout: 90_000 }).toBe('offline')
  })
})
