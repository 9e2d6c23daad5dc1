import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { advanceClock, answered, endObject, home, roomStub, userStub } from '../../../support/crash-worker.ts'
import { MatrixClient, MatrixRequestError } from '../../../support/matrix-client.ts'
import { type ReceiptContent, receiptsIn, SlidingObserver, type SlidingResponse, type SlidRoom } from '../../../support/sliding-observer.ts'

/*
 * Whatever clients ask for and whatever crashes do in whatever order: what a client of sliding sync has in the end is what reading the rooms gives.
 * Timelines are compared from the latest gap on, of which the client was told.
 */

const SEED = 20_263
const RUNS = 12
const MAX_STEPS = 40
const USERS = ['alice', 'bob', 'carol'] as const
const ROOMS = 3
/** Longer than a room waits before it settles. */
const SETTLE_MS = 60_000
const TAG = 'u.mine'
/** Requests in which everything must have arrived. */
const LAST_REQUESTS = 4

const STATES = [
  [['m.room.name', '']],
  [['*', '*']],
  [
    ['m.room.topic', ''],
    ['m.room.member', '$LAZY'],
    ['m.room.member', '$ME'],
  ],
] as const

const FILTERS = { encrypted: { is_encrypted: true }, tagged: { tags: [TAG] }, all: {} }

const SCOPES = {
  everywhere: {},
  first: { lists: ['all'], rooms: [] },
  second: { lists: ['other'], rooms: [] },
  subscribed: { lists: [] },
  none: {},
}

/** What a request asks for. */
interface Wish {
  readonly last: number
  readonly limit: number
  readonly state: number
  readonly subscribe: number | undefined
  readonly isDm: boolean | undefined
  /** A second list, of encrypted rooms or of rooms with a tag, or of everything without a range. */
  readonly second: 'encrypted' | 'tagged' | 'all' | undefined
  /** Where extensions are wanted: everywhere, in the first list, in the second, in subscriptions, not at all. */
  readonly scope: 'everywhere' | 'first' | 'second' | 'subscribed' | 'none'
}

type Step =
  | {
      readonly do: 'send' | 'redact' | 'topic' | 'join' | 'leave' | 'read' | 'tag' | 'label' | 'encrypt'
      readonly user: number
      readonly room: number
    }
  | { readonly do: 'invite' | 'kick' | 'ban' | 'unban'; readonly user: number; readonly room: number; readonly target: number }
  | { readonly do: 'sync' | 'lose' | 'give up' | 'poll'; readonly device: number; readonly wish: Wish }
  | { readonly do: 'replay'; readonly device: number; readonly wish: Wish; readonly back: number }
  | { readonly do: 'end user' | 'evict user'; readonly user: number }
  | { readonly do: 'end room' | 'evict room' | 'alarm'; readonly room: number }

const user = fc.nat(USERS.length - 1)
const room = fc.nat(ROOMS - 1)
const device = fc.nat(USERS.length)
const wish: fc.Arbitrary<Wish> = fc.record({
  last: fc.constantFrom(0, 1, 9),
  limit: fc.constantFrom(1, 2, 5),
  state: fc.nat(STATES.length - 1),
  subscribe: fc.option(room, { nil: undefined }),
  isDm: fc.constantFrom(undefined, undefined, undefined, false, true),
  second: fc.constantFrom(undefined, undefined, 'encrypted', 'tagged', 'all'),
  scope: fc.constantFrom('everywhere', 'everywhere', 'first', 'second', 'subscribed', 'none'),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('send'), user, room }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('redact', 'topic', 'topic', 'tag', 'label'), user, room }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('encrypt'), user, room }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('join', 'join', 'leave', 'read'), user, room }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('invite', 'kick', 'ban', 'unban'), user, room, target: user }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom('sync', 'sync', 'lose', 'poll'), device, wish }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('give up'), device, wish }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('replay'), device, wish, back: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('end user', 'end user', 'evict user'), user }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('end room', 'evict room', 'alarm'), room }) },
)

interface World {
  readonly users: readonly MatrixClient[]
  readonly observers: SlidingObserver[]
  readonly roomIds: readonly string[]
  readonly sent: { readonly room: number; readonly eventId: string }[]
  /** Polls that have not been answered yet, by device. */
  readonly waiting: Map<number, Promise<unknown>>
  /** Positions that devices have had, the latest last. */
  readonly positions: Map<number, string[]>
  /** Whose objects have ended. */
  readonly ended: Set<string>
  texts: number
}

function at<T>(list: readonly T[], index: number): T {
  const value = list[index]
  if (value === undefined) throw new Error(`nothing at ${index}`)
  return value
}

/** The rules refuse many of these steps, which is as good as any. */
async function tolerant(body: () => Promise<unknown>): Promise<void> {
  await answered(body).catch((cause: unknown) => {
    if (!(cause instanceof MatrixRequestError && cause.status < 500)) throw cause
  })
}

function bodyOf(
  world: World,
  observer: SlidingObserver,
  { last, limit, state, subscribe, isDm, second, scope }: Wish,
): Readonly<Record<string, unknown>> {
  const config = { timeline_limit: limit, required_state: stateOf(observer, state) }
  const filters = { is_dm: isDm }
  const list = observer.isV4 ? { ...config, range: [0, last], filters } : { ...config, ranges: [[0, last]], filters }
  const other = { timeline_limit: 1, required_state: stateOf(observer, 0), filters: FILTERS[second ?? 'all'] }
  const subscriptions = subscribe === undefined ? {} : { [at(world.roomIds, subscribe)]: config }
  const wanted = { enabled: scope !== 'none', ...SCOPES[scope] }
  const extensions = observer.isV4
    ? { 'org.matrix.msc4548.account_data': wanted, 'org.matrix.msc4551.receipts': wanted }
    : { account_data: wanted, receipts: wanted }
  return { lists: { all: list, ...(second === undefined ? {} : { other }) }, room_subscriptions: subscriptions, extensions }
}

/** The same wish in the form of the endpoint. */
function stateOf(observer: SlidingObserver, index: number): unknown {
  const pairs = at(STATES, index)
  if (!observer.isV4) return pairs
  const isLazy = pairs.some(([, stateKey]) => stateKey === '$LAZY')
  const include = pairs
    .filter(([, stateKey]) => stateKey !== '$LAZY')
    .map(([type, stateKey]) => ({
      type: type === '*' ? undefined : type,
      state_key: stateKey === '*' ? undefined : stateKey === '$ME' ? observer.client.userId : stateKey,
    }))
  return { include, lazy_members: isLazy }
}

/** One request; a connection that the server has forgotten, which it may not unless the account ended, starts over, as clients do it. */
async function request(world: World, observer: SlidingObserver, wish: Wish, take: boolean, timeoutMs = 0): Promise<number> {
  try {
    const response = await answered(() => observer.ask(bodyOf(world, observer, wish), timeoutMs))
    if (take) observer.take(response)
    if (take && wish.state > 0 && wish.second === undefined) checkSenders(observer, response)
    return Object.keys(response.rooms).length
  } catch (cause) {
    if (!(cause instanceof MatrixRequestError && cause.errcode === 'M_UNKNOWN_POS')) throw cause
    expect([...world.ended], `${observer.connectionId} of ${observer.client.userId}: forgotten`).toContain(observer.client.userId)
    observer.startOver()
    return take ? await request(world, observer, wish, take) : 0
  }
}

/** Whoever wants members, as they are needed or all, knows who has sent what is shown. */
function checkSenders(observer: SlidingObserver, { rooms }: SlidingResponse): void {
  for (const [roomId, { timeline = [] }] of Object.entries(rooms)) {
    const strangers = timeline.filter(({ sender }) => observer.rooms.get(roomId)?.state.has(`m.room.member ${sender}`) !== true)
    expect(strangers, `${observer.client.userId} ${observer.connectionId} in ${roomId}: sent by nobody known`).toEqual([])
  }
}

/** An older position again, as a client does that was set back: refused, or answered with no harm to where the client really is. */
async function replay(world: World, observer: SlidingObserver, step: Extract<Step, { readonly do: 'replay' }>): Promise<void> {
  const old = world.positions.get(step.device)?.at(-1 - step.back)
  if (old === undefined) return
  await answered(() => observer.ask(bodyOf(world, observer, step.wish), 0, old)).catch((cause: unknown) => {
    if (!(cause instanceof MatrixRequestError && cause.errcode === 'M_UNKNOWN_POS')) throw cause
  })
}

async function perform(world: World, step: Step): Promise<void> {
  switch (step.do) {
    case 'replay':
      await world.waiting.get(step.device)
      return await replay(world, at(world.observers, step.device), step)
    case 'sync':
    case 'lose':
    case 'give up':
    case 'poll': {
      await world.waiting.get(step.device)
      world.waiting.delete(step.device)
      const observer = at(world.observers, step.device)
      const isTaken = step.do === 'sync' || step.do === 'poll'
      const timeoutMs = step.do === 'poll' ? 300 : step.do === 'give up' ? 100 : 0
      const done = request(world, observer, step.wish, isTaken, timeoutMs)
      if (timeoutMs > 0) world.waiting.set(step.device, done)
      else await done
      if (observer.pos !== undefined) world.positions.set(step.device, [...(world.positions.get(step.device) ?? []), observer.pos])
      return
    }
    case 'end user':
      world.ended.add(at(world.users, step.user).userId)
      return await endObject('user', at(world.users, step.user).userId)
    case 'evict user':
      world.ended.add(at(world.users, step.user).userId)
      return await evictDurableObject(userStub(at(world.users, step.user).userId)).catch(ignoreNotRunning)
    case 'end room':
      return await endObject('room', at(world.roomIds, step.room))
    case 'evict room':
      return await evictDurableObject(roomStub(at(world.roomIds, step.room))).catch(ignoreNotRunning)
    case 'alarm':
      await runDurableObjectAlarm(roomStub(at(world.roomIds, step.room)))
      return
    default:
      return await writeStep(world, step)
  }
}

async function writeStep(world: World, step: Extract<Step, { readonly user: number; readonly room: number }>): Promise<void> {
  const client = at(world.users, step.user)
  const roomId = at(world.roomIds, step.room)
  if ('target' in step) return await tolerant(() => client.moderate(step.do, roomId, at(world.users, step.target).userId))
  world.texts += 1
  const text = `text ${world.texts}`
  const txnId = client.nextTransaction()
  const target = world.sent.findLast((sent) => sent.room === step.room)
  const own = `/v3/user/${encodeURIComponent(client.userId)}`
  switch (step.do) {
    case 'send':
      return await tolerant(async () => {
        const eventId = await client.send(roomId, text, txnId)
        world.sent.push({ room: step.room, eventId })
      })
    case 'redact':
      return target === undefined ? undefined : await tolerant(() => client.redact(roomId, target.eventId, txnId))
    case 'read': {
      const path = `/v3/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(target?.eventId ?? '')}`
      return target === undefined ? undefined : await tolerant(() => client.call('POST', path, { body: {} }))
    }
    case 'tag':
      return await tolerant(() =>
        client.call('PUT', `${own}/account_data/m.direct`, { body: { '@x:y': world.texts % 2 === 0 ? [roomId] : [] } }),
      )
    case 'label':
      return await tolerant(() =>
        client.call('PUT', `${own}/rooms/${encodeURIComponent(roomId)}/account_data/m.tag`, {
          body: { tags: world.texts % 3 === 0 ? {} : { [TAG]: {} } },
        }),
      )
    case 'encrypt':
      return await tolerant(() => client.sendState(roomId, 'm.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' }))
    case 'topic':
      return await tolerant(() => client.sendState(roomId, 'm.room.topic', '', { topic: text }))
    case 'join':
      return await tolerant(() => client.join(roomId))
    case 'leave':
      return await tolerant(() => client.leave(roomId))
  }
}

function ignoreNotRunning(): void {
  // Only an object that is in memory can be evicted.
}

/** Everything that is due happens: lost hints are repeated, notices delivered. */
async function settle(world: World): Promise<void> {
  for (const waiting of world.waiting.values()) await waiting
  for (const roomId of world.roomIds) await endObject('room', roomId)
  advanceClock(SETTLE_MS)
  for (const roomId of world.roomIds) await runDurableObjectAlarm(roomStub(roomId))
}

const EVERYTHING: Wish = { last: 19, limit: 5, state: 1, subscribe: undefined, isDm: undefined, second: undefined, scope: 'everywhere' }

async function check(world: World): Promise<void> {
  for (const observer of world.observers) {
    let left = 1
    for (let n = 0; n < LAST_REQUESTS && left > 0; n += 1) left = await request(world, observer, EVERYTHING, true)
    expect(left, `${observer.client.userId} ${observer.connectionId}: rooms sent again and again`).toBe(0)
    const { rooms } = await answered(() => observer.client.sync({}))
    for (const roomId of world.roomIds) {
      const who = `${observer.client.userId} ${observer.connectionId} in ${roomId}`
      const told = observer.rooms.get(roomId)
      const isJoined = rooms?.join?.[roomId] !== undefined
      const isInvited = rooms?.invite?.[roomId] !== undefined
      if (isInvited) expect(told?.membership, who).toBe('invite')
      else if (isJoined) await checkRoom(world, observer, told, roomId, who, rooms?.join?.[roomId])
      else if (told !== undefined) await checkOutside(observer, told, roomId, who)
    }
    await checkGlobalData(observer)
  }
}

/** Whoever is out has been told nothing that reading the room would not give (R2). */
async function checkOutside(observer: SlidingObserver, told: SlidRoom, roomId: string, who: string): Promise<void> {
  expect(['leave', 'ban'], who).toContain(told.membership)
  const history = await answered(() => observer.client.history(roomId)).catch((cause: unknown) => {
    if (cause instanceof MatrixRequestError && cause.status === 403) return []
    throw cause
  })
  const ids = history.map(({ event_id }) => event_id)
  expect(
    told.timeline.filter((id) => !ids.includes(id)),
    `${who}: events that are not for them`,
  ).toEqual([])
}

async function checkGlobalData({ client, accountData, connectionId }: SlidingObserver): Promise<void> {
  const path = `/v3/user/${encodeURIComponent(client.userId)}/account_data/m.direct`
  const direct = await answered(() => client.call<unknown>('GET', path)).catch(() => undefined)
  expect(accountData.get('m.direct'), `${client.userId} ${connectionId}: m.direct`).toEqual(direct)
}

/** Account data and receipts of a room as a classic client that starts from nothing is told of them; but receipts may have been lost with the room. */
function checkRoomData({ sent }: World, told: SlidRoom, synced: object, who: string): void {
  const { account_data: accountData, ephemeral }: SyncedData = { ...synced }
  const types = (accountData?.events ?? []).map(({ type, content }): [string, unknown] => [type, content])
  expect(Object.fromEntries(told.accountData), `${who}: account data`).toEqual(Object.fromEntries(types))
  const current = new Map(
    (ephemeral?.events ?? []).filter(({ type }) => type === 'm.receipt').flatMap(({ content }) => receiptsIn(content)),
  )
  const placeOf = (wanted: string | undefined): number => sent.findIndex(({ eventId }) => eventId === wanted)
  for (const [key, eventId] of told.receipts) {
    expect(placeOf(eventId), `${who}: receipt ${key} is not stale`).toBeGreaterThanOrEqual(placeOf(current.get(key)))
  }
}

interface SyncedData {
  readonly account_data?: { readonly events: readonly { readonly type: string; readonly content: unknown }[] }
  readonly ephemeral?: { readonly events: readonly { readonly type: string; readonly content: ReceiptContent }[] }
}

async function checkRoom(
  world: World,
  observer: SlidingObserver,
  told: SlidRoom | undefined,
  roomId: string,
  who: string,
  synced: object | undefined,
): Promise<void> {
  if (told === undefined) throw new Error(`${who}: never told of the room`)
  expect(told.membership, who).toBe('join')
  const history = (await answered(() => observer.client.history(roomId))).map(({ event_id }) => event_id)
  expect(told.timeline.length, `${who}: some timeline`).toBeGreaterThan(0)
  const latest = history.slice(-told.timeline.length)
  expect([...told.timeline].sort(), `${who}: timeline since the latest gap`).toEqual([...latest].sort())
  const state = await answered(() => observer.client.state(roomId))
  expect([...told.state.values()].map(({ event_id }) => event_id).sort(), `${who}: state`).toEqual(
    state.map(({ event_id }) => event_id).sort(),
  )
  const joined = state.filter(({ type, content }) => type === 'm.room.member' && content.membership === 'join')
  expect(told.joined, `${who}: joined members`).toBe(joined.length)
  const unread = Reflect.get(synced ?? {}, 'unread_notifications')
  checkRoomData(world, told, synced ?? {}, who)
  if (!observer.isV4) expect(told.notifications, `${who}: unread`).toBe(Reflect.get(unread, 'notification_count'))
}

it('what a client of sliding sync has is what reading the rooms gives', { timeout: 240_000 }, async () => {
  const users: MatrixClient[] = []
  for (const name of USERS) users.push(await MatrixClient.register(home, `${name}-slides`))
  let worlds = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: MAX_STEPS, size: 'max' }), async (steps) => {
      worlds += 1
      // Bob follows two connections, one of them in the merged form.
      const observers = [...users.map((client) => new SlidingObserver(client, 'list')), new SlidingObserver(at(users, 1), 'main', 'v4')]
      const roomIds: string[] = []
      for (let n = 0; n < ROOMS; n += 1) roomIds.push(await at(users, 0).createRoom({ preset: 'public_chat', name: `${worlds}/${n}` }))
      const world: World = { users, observers, roomIds, sent: [], waiting: new Map(), positions: new Map(), ended: new Set(), texts: 0 }
      for (const roomId of roomIds) await at(users, 1).join(roomId)
      for (const next of steps) await perform(world, next)
      await settle(world)
      await check(world)
      for (const roomId of roomIds) {
        for (const client of users) {
          await tolerant(() => client.leave(roomId))
          await tolerant(() => client.forget(roomId))
        }
      }
    }),
    { seed: SEED, numRuns: RUNS },
  )
})
