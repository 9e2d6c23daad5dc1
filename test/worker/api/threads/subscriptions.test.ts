import { describe, expect, it } from 'vitest'
import { type Answer, call, type TestSession } from '../../../support/api-client.ts'
import { endObject } from '../../../support/crash-worker.ts'
import { relating, send, text } from '../../../support/relations.ts'
import { createRoom, enc, join, leave, ok, people } from '../../../support/room-api.ts'

const EXTENSION = 'io.element.msc4308.thread_subscriptions'
const NOT_IN_THREAD = 'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD'
const CONFLICT = 'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION'

type Changes = {
  readonly subscribed?: Readonly<Record<string, Readonly<Record<string, { readonly automatic: boolean; readonly bump_stamp: number }>>>>
  readonly unsubscribed?: Readonly<Record<string, Readonly<Record<string, { readonly bump_stamp: number }>>>>
  readonly prev_batch?: string
  readonly end?: string
}

function subscription(who: TestSession, roomId: string, root: string, method: string, body?: unknown): Promise<Answer> {
  const path = `/_matrix/client/unstable/io.element.msc4306/rooms/${enc(roomId)}/thread/${enc(root)}/subscription`
  return call(method, path, { token: who.token, body })
}

const subscribe = (who: TestSession, roomId: string, root: string, automatic?: string): Promise<Answer> =>
  subscription(who, roomId, root, 'PUT', automatic === undefined ? {} : { automatic })
const unsubscribe = (who: TestSession, roomId: string, root: string): Promise<Answer> => subscription(who, roomId, root, 'DELETE')
const state = (who: TestSession, roomId: string, root: string): Promise<Answer> => subscription(who, roomId, root, 'GET')

async function threadRoom(): Promise<{ alice: TestSession; bob: TestSession; roomId: string; root: string }> {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, roomId, root: await send(alice, roomId, text('root')) }
}

type Form = 'unstable' | 'v4'

/** One request of sliding sync that wants nothing but thread subscriptions. */
async function slide(
  who: TestSession,
  form: Form,
  pos?: string,
  { limit = 100, timeout = 0 }: { readonly limit?: number; readonly timeout?: number } = {},
): Promise<{ readonly pos: string; readonly changes: Changes | undefined }> {
  const extensions = { [EXTENSION]: { enabled: true, limit } }
  const query = new URLSearchParams({ timeout: `${timeout}`, ...(pos === undefined ? {} : { pos }) })
  const answer =
    form === 'v4'
      ? await call('POST', '/_matrix/client/v4/sync', { token: who.token, body: { pos, timeout, extensions } })
      : await call('POST', `/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?${query}`, {
          token: who.token,
          body: { extensions },
        })
  return { pos: ok(answer).body.pos, changes: answer.body.extensions[EXTENSION] }
}

async function page(who: TestSession, query: Readonly<Record<string, string>> = {}): Promise<Changes> {
  const path = `/_matrix/client/unstable/io.element.msc4308/thread_subscriptions?${new URLSearchParams({ dir: 'b', ...query })}`
  return ok(await call('GET', path, { token: who.token })).body
}

describe('a subscription to a thread (MSC4306)', () => {
  it('is made and taken back', async () => {
    const { bob, alice, roomId, root } = await threadRoom()
    expect(await state(bob, roomId, root)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect(ok(await unsubscribe(bob, roomId, root)).body).toEqual({})
    expect(ok(await subscribe(bob, roomId, root)).body).toEqual({})
    expect(ok(await state(bob, roomId, root)).body).toEqual({ automatic: false })
    expect((await state(alice, roomId, root)).status).toBe(404)
    await endObject('user', bob.userId)
    expect(ok(await state(bob, roomId, root)).body).toEqual({ automatic: false })
    ok(await unsubscribe(bob, roomId, root))
    expect((await state(bob, roomId, root)).status).toBe(404)
  })

  it('that a client makes by itself names an event of the thread', async () => {
    const { alice, bob, roomId, root } = await threadRoom()
    const other = await send(alice, roomId, text('other'))
    const reply = await send(alice, roomId, relating('m.thread', root))
    const foreign = await send(alice, roomId, relating('m.thread', other))
    for (const cause of [root, foreign, other, '$unknown']) {
      expect(await subscribe(bob, roomId, root, cause)).toMatchObject({ status: 400, body: { errcode: NOT_IN_THREAD } })
    }
    expect((await subscription(bob, roomId, root, 'PUT', { automatic: true })).status).toBe(400)
    ok(await subscribe(bob, roomId, root, reply))
    expect(ok(await state(bob, roomId, root)).body).toEqual({ automatic: true })
    ok(await subscribe(bob, roomId, root))
    expect(ok(await state(bob, roomId, root)).body).toEqual({ automatic: false })
    ok(await subscribe(bob, roomId, root, reply))
    expect(ok(await state(bob, roomId, root)).body).toEqual({ automatic: false })
  })

  it('that a client makes by itself is void where the user has unsubscribed since its cause', async () => {
    const { alice, bob, roomId, root } = await threadRoom()
    const first = await send(alice, roomId, relating('m.thread', root))
    ok(await subscribe(bob, roomId, root, first))
    const second = await send(alice, roomId, relating('m.thread', root))
    ok(await unsubscribe(bob, roomId, root))
    const third = await send(alice, roomId, relating('m.thread', root))
    for (const cause of [first, second]) {
      expect(await subscribe(bob, roomId, root, cause)).toMatchObject({ status: 409, body: { errcode: CONFLICT } })
    }
    expect((await state(bob, roomId, root)).status).toBe(404)
    ok(await subscribe(bob, roomId, root, third))
    expect(ok(await state(bob, roomId, root)).body).toEqual({ automatic: true })
  })

  it('R2: needs an event that the user may see', async () => {
    const { alice, bob, roomId, root } = await threadRoom()
    ok(await leave(bob, roomId))
    const later = await send(alice, roomId, text('later'))
    const [stranger] = (await people(1)) as [TestSession]
    for (const [who, eventId] of [
      [bob, later],
      [bob, '$unknown'],
      [stranger, root],
    ] as const) {
      for (const method of ['PUT', 'GET', 'DELETE']) {
        expect(await subscription(who, roomId, eventId, method, method === 'PUT' ? {} : undefined)).toMatchObject({
          status: 404,
          body: { errcode: 'M_NOT_FOUND' },
        })
      }
    }
    expect((await subscribe(stranger, '!none:test.example', root)).status).toBe(404)
    ok(await subscribe(bob, roomId, root))
  })
})

describe.each(['unstable', 'v4'] as const)('thread subscriptions in sliding sync, %s (MSC4308)', (form) => {
  it('come with the first response, and as they change', async () => {
    const { alice, bob, roomId, root } = await threadRoom()
    const other = await send(alice, roomId, text('other'))
    const reply = await send(alice, roomId, relating('m.thread', other))
    expect((await slide(bob, form)).changes).toBeUndefined()
    ok(await subscribe(bob, roomId, root))
    const first = await slide(bob, form)
    expect(first.changes).toEqual({ subscribed: { [roomId]: { [root]: { automatic: false, bump_stamp: expect.any(Number) } } } })
    expect((await slide(bob, form, first.pos)).changes).toBeUndefined()
    ok(await subscribe(bob, roomId, other, reply))
    ok(await unsubscribe(bob, roomId, root))
    const second = await slide(bob, form, first.pos)
    expect(second.changes).toEqual({
      subscribed: { [roomId]: { [other]: { automatic: true, bump_stamp: expect.any(Number) } } },
      unsubscribed: { [roomId]: { [root]: { bump_stamp: expect.any(Number) } } },
    })
    // What was subscribed before is bumped by what happened to it since.
    const bumped = second.changes?.unsubscribed?.[roomId]?.[root]?.bump_stamp ?? 0
    expect(bumped).toBeGreaterThan(first.changes?.subscribed?.[roomId]?.[root]?.bump_stamp ?? 0)
    expect((await slide(bob, form, second.pos)).changes).toBeUndefined()
    expect((await slide(alice, form)).changes).toBeUndefined()
  })

  it('are told again to a client that shows the position before, also after the end of the account object', async () => {
    const { bob, roomId, root } = await threadRoom()
    const { pos } = await slide(bob, form)
    ok(await subscribe(bob, roomId, root))
    const told = (await slide(bob, form, pos)).changes
    expect(told).toBeDefined()
    expect((await slide(bob, form, pos)).changes).toEqual(told)
    await endObject('user', bob.userId)
    expect((await slide(bob, form)).changes).toEqual(told)
  })

  it('wake a client that waits', async () => {
    const { bob, roomId, root } = await threadRoom()
    const { pos } = await slide(bob, form)
    const waiting = slide(bob, form, pos, { timeout: 10_000 })
    ok(await subscribe(bob, roomId, root))
    expect(Object.keys((await waiting).changes?.subscribed ?? {})).toEqual([roomId])
  })

  it('that are too many are read backwards from an endpoint of their own', async () => {
    const { alice, bob, roomId } = await threadRoom()
    const start = await slide(bob, form)
    const roots: string[] = []
    for (let n = 0; n < 5; n += 1) {
      const root = await send(alice, roomId, text(`${n}`))
      ok(await subscribe(bob, roomId, root))
      roots.push(root)
    }
    const { changes } = await slide(bob, form, start.pos, { limit: 2 })
    expect(Object.keys(changes?.subscribed?.[roomId] ?? {}).sort()).toEqual(roots.slice(3).sort())
    const second = await page(bob, { from: changes?.prev_batch ?? '', to: start.pos, limit: '2' })
    expect(Object.keys(second.subscribed?.[roomId] ?? {}).sort()).toEqual(roots.slice(1, 3).sort())
    const third = await page(bob, { from: second.end ?? '', to: start.pos, limit: '2' })
    expect(Object.keys(third.subscribed?.[roomId] ?? {})).toEqual(roots.slice(0, 1))
    expect(third).not.toHaveProperty('end')
    const after = await slide(bob, form, start.pos)
    expect(await page(bob, { to: after.pos })).toEqual({})
    expect(Object.keys((await page(bob)).subscribed?.[roomId] ?? {})).toHaveLength(5)
  })
})

it('R9: the endpoint beside sliding sync refuses tokens that were never issued, and pages without an end', async () => {
  const { alice, bob } = await threadRoom()
  const { pos } = await slide(alice, 'v4')
  const path = '/_matrix/client/unstable/io.element.msc4308/thread_subscriptions'
  for (const query of [
    '',
    '?dir=f',
    '?dir=b&from=nonsense',
    '?dir=b&to=nonsense',
    '?dir=b&limit=0',
    '?dir=b&limit=-1',
    `?dir=b&to=${enc(pos)}`,
  ]) {
    expect((await call('GET', `${path}${query}`, { token: bob.token })).status, query).toBe(400)
  }
})
