import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { endObject } from '../../../support/crash-worker.ts'
import { createRoom, enc, join, ok, people, redact } from '../../../support/room-api.ts'

/*
 * Unread and highlight counts in /sync, over the whole room and by thread, against a model that is nothing but the rules of the specification.
 */

const SEED = 20_262
/** Scripts of messages, mentions, notices, edits, redactions, thread replies, receipts and lost objects. */
const RUNS = env.TEST_NIGHTLY === 'on' ? 1_000 : 60
const TIMEOUT_MS = env.TEST_NIGHTLY === 'on' ? 3_600_000 : 240_000
const MAX_STEPS = 25

type Counts = { readonly notification_count: number; readonly highlight_count: number }
const counts = (notification_count: number, highlight_count: number): Counts => ({ notification_count, highlight_count })
const NONE = counts(0, 0)

let transactions = 0

async function send(
  who: TestSession,
  roomId: string,
  content: Readonly<Record<string, unknown>>,
  type = 'm.room.message',
): Promise<string> {
  transactions += 1
  const path = `/rooms/${enc(roomId)}/send/${type}/u${transactions}`
  return ok(await call('PUT', path, { token: who.token, body: content })).body.event_id
}

async function read(who: TestSession, roomId: string, eventId: string, kind = 'm.read', thread?: string): Promise<void> {
  const body = thread === undefined ? {} : { thread_id: thread }
  ok(await call('POST', `/rooms/${enc(roomId)}/receipt/${kind}/${enc(eventId)}`, { token: who.token, body }))
}

const BY_THREAD = JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } })

async function sync(who: TestSession, query: Readonly<Record<string, string>> = {}) {
  return ok(await call('GET', `/sync?${new URLSearchParams(query)}`, { token: who.token })).body
}

async function unreadOf(who: TestSession, roomId: string): Promise<Counts> {
  return (await sync(who)).rooms.join[roomId].unread_notifications
}

async function threadsOf(who: TestSession, roomId: string): Promise<{ main: Counts; threads: Record<string, Counts> }> {
  const room = (await sync(who, { filter: BY_THREAD })).rooms.join[roomId]
  return { main: room.unread_notifications, threads: room.unread_thread_notifications ?? {} }
}

async function roomOfTwo(): Promise<{ alice: TestSession; bob: TestSession; roomId: string }> {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, roomId }
}

const text = (body: string) => ({ msgtype: 'm.text', body })
const mention = (who: TestSession) => ({ ...text('you'), 'm.mentions': { user_ids: [who.userId] } })
const inThread = (root: string, content: Readonly<Record<string, unknown>>) => ({
  ...content,
  'm.relates_to': { rel_type: 'm.thread', event_id: root },
})

describe('unread counts', () => {
  it('starts with nothing, counts messages and mentions, and never what the reader said', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    expect(await unreadOf(bob, roomId)).toEqual(NONE)
    await send(alice, roomId, text('one'))
    await send(alice, roomId, mention(bob))
    expect(await unreadOf(bob, roomId)).toEqual(counts(2, 1))
    expect(await unreadOf(alice, roomId)).toEqual(NONE)
    await send(bob, roomId, text('back'))
    expect(await unreadOf(bob, roomId)).toEqual(NONE)
    expect(await unreadOf(alice, roomId)).toEqual(counts(1, 0))
  })

  it.each(['m.read', 'm.read.private'])('takes away what a %s receipt covers', async (kind) => {
    const { alice, bob, roomId } = await roomOfTwo()
    await send(alice, roomId, text('one'))
    const second = await send(alice, roomId, mention(bob))
    await send(alice, roomId, text('three'))
    await read(bob, roomId, second, kind)
    expect(await unreadOf(bob, roomId)).toEqual(counts(1, 0))
  })

  it('tells a waiting client of an event together with its count, and of a private receipt of another device', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const since = (await sync(bob)).next_batch
    const polling = sync(bob, { since, timeout: '5000' })
    const event = await send(alice, roomId, text('one'))
    const first = await polling
    expect(first.rooms.join[roomId].timeline.events.map(({ event_id }: { event_id: string }) => event_id)).toEqual([event])
    expect(first.rooms.join[roomId].unread_notifications).toEqual(counts(1, 0))
    const filter = JSON.stringify({ room: { ephemeral: { types: [] } } })
    const waiting = sync(bob, { since: first.next_batch, timeout: '5000', filter })
    await read(bob, roomId, event, 'm.read.private')
    expect((await waiting).rooms.join[roomId].unread_notifications).toEqual(NONE)
  })

  it('counts events that are too long for hints as well', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const since = (await sync(bob)).next_batch
    const polling = sync(bob, { since, timeout: '5000' })
    await send(alice, roomId, text('long'.repeat(5_000)))
    expect((await polling).rooms.join[roomId].unread_notifications).toEqual(counts(1, 0))
  })

  it('keeps threads apart for clients that ask for it', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    await send(alice, roomId, inThread(root, mention(bob)))
    const last = await send(alice, roomId, inThread(root, text('more')))
    expect(await threadsOf(bob, roomId)).toEqual({ main: counts(1, 0), threads: { [root]: counts(2, 1) } })
    expect(await unreadOf(bob, roomId)).toEqual(counts(3, 1))
    await read(bob, roomId, root, 'm.read', 'main')
    expect(await threadsOf(bob, roomId)).toEqual({ main: NONE, threads: { [root]: counts(2, 1) } })
    await read(bob, roomId, last, 'm.read', root)
    expect(await threadsOf(bob, roomId)).toEqual({ main: NONE, threads: {} })
  })

  it('forgets what is redacted, and does not count edits, notices and reactions', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const first = await send(alice, roomId, mention(bob))
    await send(alice, roomId, { msgtype: 'm.notice', body: 'beep' })
    await send(alice, roomId, { ...text('* x'), 'm.new_content': text('x'), 'm.relates_to': { rel_type: 'm.replace', event_id: first } })
    await send(alice, roomId, { 'm.relates_to': { rel_type: 'm.annotation', event_id: first, key: '👍' } }, 'm.reaction')
    expect(await unreadOf(bob, roomId)).toEqual(counts(1, 1))
    ok(await redact(alice, roomId, first))
    expect(await unreadOf(bob, roomId)).toEqual(NONE)
  })

  it('knows after a crash that who spoke had read, though what they said has been redacted since', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const root = await send(alice, roomId, text('root'))
    await send(alice, roomId, inThread(root, text('in the thread')))
    const own = [await send(bob, roomId, inThread(root, text('own'))), await send(bob, roomId, text('own'))]
    for (const eventId of own) ok(await redact(alice, roomId, eventId))
    await endObject('user', bob.userId)
    expect(await threadsOf(bob, roomId)).toEqual({ main: NONE, threads: {} })
  })

  it('does not count what ignored users say, nor what was said before joining or while out', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    await send(alice, roomId, text('one'))
    ok(await call('POST', `/rooms/${enc(roomId)}/leave`, { token: bob.token, body: {} }))
    await send(alice, roomId, text('two'))
    ok(await join(bob, roomId))
    expect(await unreadOf(bob, roomId)).toEqual(NONE)
    const content = { ignored_users: { [alice.userId]: {} } }
    ok(await call('PUT', `/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, { token: bob.token, body: content }))
    await send(alice, roomId, mention(bob))
    expect(await unreadOf(bob, roomId)).toEqual(NONE)
  })
})

describe('m.marked_unread', () => {
  it('is account data of the room like any other: it comes with both forms of sync, wakes waiting clients, and leaves counts alone', async () => {
    const { alice, bob, roomId } = await roomOfTwo()
    const event = await send(alice, roomId, text('one'))
    await read(bob, roomId, event)
    const since = (await sync(bob)).next_batch
    const slidingBody = {
      lists: { all: { ranges: [[0, 9]], timeline_limit: 1, required_state: [] } },
      extensions: { account_data: { enabled: true } },
    }
    const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
    const { pos } = ok(await call('POST', path, { token: bob.token, body: slidingBody })).body
    const waiting = sync(bob, { since, timeout: '5000' })
    const mark = (unread: boolean) =>
      call('PUT', `/user/${enc(bob.userId)}/rooms/${enc(roomId)}/account_data/m.marked_unread`, { token: bob.token, body: { unread } })
    ok(await mark(true))
    const woken = await waiting
    expect(woken.rooms.join[roomId].account_data.events).toEqual([{ type: 'm.marked_unread', content: { unread: true } }])
    expect(woken.rooms.join[roomId].unread_notifications).toEqual(NONE)
    const slid = ok(await call('POST', `${path}?pos=${enc(pos)}`, { token: bob.token, body: slidingBody })).body
    expect(slid.extensions.account_data.rooms[roomId]).toEqual([{ type: 'm.marked_unread', content: { unread: true } }])
    ok(await mark(false))
    const next = await sync(bob, { since: woken.next_batch })
    expect(next.rooms.join[roomId].account_data.events).toEqual([{ type: 'm.marked_unread', content: { unread: false } }])
  })
})

/** A step of a script; `at` picks one of the events so far. */
type Step =
  | { readonly do: 'say' | 'mention' | 'notice' | 'own'; readonly thread: number | undefined }
  | { readonly do: 'edit' | 'redact'; readonly at: number }
  | { readonly do: 'read'; readonly at: number; readonly kind: 'm.read' | 'm.read.private'; readonly threaded: boolean }
  | { readonly do: 'end user' | 'end room' | 'look' }

const at = fc.nat(1_000)
const thread = fc.option(at, { nil: undefined, freq: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('say', 'say', 'mention', 'notice', 'own'), thread }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('edit', 'redact'), at }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('read'), at, kind: fc.constantFrom('m.read', 'm.read.private'), threaded: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('end user', 'end room', 'look', 'look') }) },
)

interface Said {
  readonly eventId: string
  readonly thread: string
  readonly counts: boolean
  readonly highlight: boolean
  /** States a relation: no thread may begin at it. */
  readonly relates: boolean
  redacted: boolean
  read: boolean
  /** What it is an edit of. */
  readonly edits?: Said
}

/** Everything that was said, in order, and whether the reader has read it. */
class Model {
  readonly said: Said[] = []
  readonly receipts = new Map<string, number>()

  pick(index: number): Said | undefined {
    return this.said.length === 0 ? undefined : this.said[index % this.said.length]
  }

  roots(): Said[] {
    return this.said.filter((event) => !event.relates && !event.redacted)
  }

  readUpTo(last: number, thread: string): void {
    for (const event of this.said.slice(0, last + 1)) if (thread === '' || event.thread === thread) event.read = true
  }

  unread(thread?: string): Counts {
    const unread = this.said.filter(
      (event) => event.counts && !event.read && !event.redacted && (thread === undefined || event.thread === thread),
    )
    return counts(unread.length, unread.filter(({ highlight }) => highlight).length)
  }
}

async function perform(
  model: Model,
  { alice, bob, roomId }: { alice: TestSession; bob: TestSession; roomId: string },
  step: Step,
): Promise<void> {
  switch (step.do) {
    case 'end user':
      return await endObject('user', bob.userId)
    case 'end room':
      // Receipts are written with the next event: a crash of both sides before that loses them, for everybody.
      await perform(model, { alice, bob, roomId }, { do: 'notice', thread: undefined })
      return await endObject('room', roomId)
    case 'look':
      return await compare(model, bob, roomId)
    case 'edit':
    case 'redact': {
      const target = model.pick(step.at)
      if (target === undefined || target.redacted) return
      if (step.do === 'edit') {
        const content = {
          ...text('* new'),
          'm.new_content': text('new'),
          'm.relates_to': { rel_type: 'm.replace', event_id: target.eventId },
        }
        const eventId = await send(alice, roomId, content)
        model.said.push({
          eventId,
          thread: target.thread,
          counts: false,
          highlight: false,
          relates: true,
          redacted: false,
          read: false,
          edits: target,
        })
        return
      }
      ok(await redact(alice, roomId, target.eventId))
      target.redacted = true
      return
    }
    case 'read': {
      const target = model.pick(step.at)
      // A redaction takes away what an event is related to: neither it nor its edits are in a thread any more, as far as receipts may say so.
      if (target === undefined || ((target.redacted || target.edits?.redacted) && step.threaded)) return
      const name = step.threaded ? target.thread : undefined
      await read(bob, roomId, target.eventId, step.kind, name)
      model.readUpTo(model.said.indexOf(target), name ?? '')
      return
    }
    default: {
      const roots = model.roots()
      const root = step.thread === undefined ? undefined : roots[step.thread % Math.max(1, roots.length)]?.eventId
      const plain = step.do === 'mention' ? mention(bob) : step.do === 'notice' ? { msgtype: 'm.notice', body: 'beep' } : text('hello')
      const eventId = await send(step.do === 'own' ? bob : alice, roomId, root === undefined ? plain : inThread(root, plain))
      const isCounted = step.do === 'say' || step.do === 'mention'
      model.said.push({
        eventId,
        thread: root ?? 'main',
        counts: isCounted,
        highlight: step.do === 'mention',
        relates: root !== undefined,
        redacted: false,
        read: false,
      })
      if (step.do === 'own') model.readUpTo(model.said.length - 1, root ?? 'main')
    }
  }
}

/** The same in sliding sync. */
async function slidingUnreadOf(who: TestSession, roomId: string): Promise<Counts> {
  const body = { room_subscriptions: { [roomId]: { timeline_limit: 1, required_state: [] } } }
  const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
  const room = ok(await call('POST', path, { token: who.token, body })).body.rooms[roomId]
  return counts(room.notification_count, room.highlight_count)
}

async function compare(model: Model, bob: TestSession, roomId: string): Promise<void> {
  expect(await unreadOf(bob, roomId)).toEqual(model.unread())
  expect(await slidingUnreadOf(bob, roomId)).toEqual(model.unread())
  const { main, threads } = await threadsOf(bob, roomId)
  expect(main).toEqual(model.unread('main'))
  const roots = new Set(model.said.map((event) => event.thread).filter((root) => root !== 'main'))
  const expected = [...roots].map((root): [string, Counts] => [root, model.unread(root)])
  expect(threads).toEqual(Object.fromEntries(expected.filter(([, { notification_count }]) => notification_count > 0)))
}

it(`counts as the specification says, whatever happens in whatever order: ${RUNS} scripts`, { timeout: TIMEOUT_MS }, async () => {
  const [alice, bob] = (await people(2)) as [TestSession, TestSession]
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: MAX_STEPS, size: 'max' }), async (steps) => {
      const roomId = await createRoom(alice, { preset: 'public_chat' })
      ok(await join(bob, roomId))
      const model = new Model()
      for (const next of steps) await perform(model, { alice, bob, roomId }, next)
      await compare(model, bob, roomId)
      ok(await call('POST', `/rooms/${enc(roomId)}/leave`, { token: bob.token, body: {} }))
      ok(await call('POST', `/rooms/${enc(roomId)}/forget`, { token: bob.token, body: {} }))
    }),
    { seed: SEED, numRuns: RUNS },
  )
})
