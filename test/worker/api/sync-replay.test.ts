import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { stateIds } from '../../support/crash-checks.ts'
import { advanceClock, answered, endObject, home, roomStub, userStub } from '../../support/crash-worker.ts'
import { type ClientEvent, MatrixClient, MatrixRequestError, type SyncResponse } from '../../support/matrix-client.ts'
import { SyncObserver } from '../../support/sync-observer.ts'

/*
 * Whatever clients and crashes do in whatever order: replaying incremental syncs gives the events, the state and the memberships that
 * reading the rooms gives.
 */

const SEED = 20_261
const RUNS = 30
const MAX_STEPS = 45
const USERS = ['alice', 'bob', 'carol'] as const
/** Devices by their users: Bob has two, and so has Carol, who loads members lazily on the second. */
const DEVICE_USERS = [0, 1, 1, 2, 2] as const
const LAZY_DEVICE = 4
const ROOMS = 2
/** Longer than a room waits before it settles. */
const SETTLE_MS = 60_000
/** Longer than a user without a poll counts as awake. */
const ASLEEP_MS = 10 * 60_000
const POLL_TIMEOUT_MS = '400'

/** One step, or several at once. */
type Move = Step | readonly Step[]
type Step =
  | { readonly do: 'send' | 'redact' | 'topic' | 'join' | 'leave' | 'read'; readonly user: number; readonly room: number }
  | { readonly do: 'invite' | 'kick' | 'ban' | 'unban'; readonly user: number; readonly room: number; readonly target: number }
  | {
      readonly do: 'sync' | 'poll' | 'lose'
      readonly device: number
      readonly limit: number
      readonly stateAfter: boolean
      readonly full: boolean
    }
  | { readonly do: 'repeat'; readonly device: number; readonly limit: number; readonly back: number }
  | { readonly do: 'end user' | 'evict user'; readonly user: number }
  | { readonly do: 'time passes' }
  | { readonly do: 'end room' | 'evict room' | 'alarm'; readonly room: number }

const user = fc.nat(USERS.length - 1)
const room = fc.nat(ROOMS - 1)
const device = fc.nat(DEVICE_USERS.length - 1)
const limit = fc.constantFrom(1, 2, 3, 10)
const write: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('send'), user, room }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('redact'), user, room }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('topic'), user, room }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('join', 'join', 'leave', 'read'), user, room }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('invite', 'kick', 'ban', 'unban'), user, room, target: user }) },
)
const end: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('end user'), user }),
  fc.record({ do: fc.constantFrom('end room', 'end room', 'alarm'), room }),
)
const sync: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('sync', 'sync', 'sync', 'poll', 'poll', 'lose'),
  device,
  limit,
  stateAfter: fc.boolean(),
  full: fc.constantFrom(false, false, false, true),
})
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 25, arbitrary: write },
  { weight: 10, arbitrary: sync },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('repeat'), device, limit, back: fc.nat(4) }) },
  { weight: 4, arbitrary: end },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict room'), room }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict user'), user }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('time passes') }) },
  // Writes that share a commit, and objects that end or change while something is under way.
  { weight: 2, arbitrary: fc.array(write, { minLength: 2, maxLength: 6 }) },
  { weight: 3, arbitrary: fc.tuple(write, end) },
  { weight: 3, arbitrary: fc.tuple(sync, fc.oneof(write, end)) },
)

/** A device, and a poll of it that has not been answered yet. */
interface Device {
  readonly observer: SyncObserver
  readonly isLazy: boolean
  pending: Promise<SyncResponse | undefined> | undefined
}

interface World {
  /** Created the rooms, stays in them and does nothing else: sees them as they are. */
  readonly owner: MatrixClient
  readonly users: readonly MatrixClient[]
  readonly devices: readonly Device[]
  readonly roomIds: readonly string[]
  readonly sent: { readonly room: number; readonly eventId: string }[]
  texts: number
}

/** The rules refuse many of these steps, which is as good as any. */
async function tolerant(body: () => Promise<unknown>): Promise<void> {
  await answered(body).catch((cause: unknown) => {
    if (!(cause instanceof MatrixRequestError && cause.status < 500)) throw cause
  })
}

function at<T>(list: readonly T[], index: number): T {
  const value = list[index]
  if (value === undefined) throw new Error(`nothing at ${index}`)
  return value
}

function filterOf(device: Device, limitOfTimeline: number): string {
  return JSON.stringify({ room: { timeline: { limit: limitOfTimeline }, state: { lazy_load_members: device.isLazy } } })
}

async function perform(world: World, step: Step): Promise<void> {
  switch (step.do) {
    case 'sync':
    case 'poll':
    case 'lose':
    case 'repeat':
      return await syncStep(world, step)
    case 'end user':
      return await endObject('user', at(world.users, step.user).userId)
    case 'evict user':
      return await evictDurableObject(userStub(at(world.users, step.user).userId)).catch(ignoreNotRunning)
    case 'end room':
      return await endObject('room', at(world.roomIds, step.room))
    case 'evict room':
      return await evictDurableObject(roomStub(at(world.roomIds, step.room))).catch(ignoreNotRunning)
    case 'alarm':
      await runDurableObjectAlarm(roomStub(at(world.roomIds, step.room)))
      return
    case 'time passes':
      return await passTime(world, ASLEEP_MS)
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
    case 'topic':
      return await tolerant(() => client.sendState(roomId, 'm.room.topic', '', { topic: text }))
    case 'join':
      return await tolerant(() => client.join(roomId))
    case 'leave':
      return await tolerant(() => client.leave(roomId))
  }
}

async function syncStep(world: World, step: Extract<Step, { readonly device: number }>): Promise<void> {
  const target = at(world.devices, step.device)
  const { observer } = target
  const filter = filterOf(target, step.limit)
  const early = step.do === 'repeat' ? observer.tokens.at(-1 - step.back) : undefined
  const query = {
    since: early ?? observer.since,
    timeout: step.do === 'poll' ? POLL_TIMEOUT_MS : '0',
    filter,
    ...(step.do !== 'repeat' && step.full ? { full_state: 'true' } : {}),
    ...(step.do !== 'repeat' && step.stateAfter ? { use_state_after: 'true' } : {}),
  }
  const response = answered(() => observer.client.sync(query))
  // A first sync does not wait, and what it says of left rooms a later first sync would not.
  if (step.do === 'poll' && target.pending === undefined && query.since !== undefined) {
    target.pending = response.catch(() => undefined)
    return
  }
  // The newer request ends an older poll, whose answer is taken first.
  const latest = await response
  await takePending(target)
  if (step.do !== 'lose') await take(target, latest)
}

async function take({ observer, isLazy }: Device, response: SyncResponse): Promise<void> {
  await answered(() => observer.take(response))
  for (const [roomId, room] of isLazy ? Object.entries(response.rooms?.join ?? {}) : []) {
    const { state } = observer.room(roomId)
    const strangers = room.timeline?.events?.filter(({ sender }) => !state.has(`m.room.member ${sender}`))
    expect(strangers, `${observer.client.userId} in ${roomId}: sent by nobody known`).toEqual([])
  }
}

async function takePending(target: Device): Promise<void> {
  const { pending } = target
  target.pending = undefined
  const response: SyncResponse | undefined = await pending
  if (response) await take(target, response)
}

function ignoreNotRunning(): void {
  // Only an object that is in memory can be evicted.
}

/** Alice may remove the others, Bob may remove Carol, everybody may set topics. */
function roomOptions(users: readonly MatrixClient[]): Readonly<Record<string, unknown>> {
  const levels = { [at(users, 0).userId]: 75, [at(users, 1).userId]: 50 }
  return { preset: 'public_chat', power_level_content_override: { users: levels, events: { 'm.room.topic': 0 } } }
}

/** Everything that is due happens: lost hints are repeated, notices delivered. */
async function settle(world: World): Promise<void> {
  for (const roomId of world.roomIds) await endObject('room', roomId)
  await passTime(world, SETTLE_MS)
}

/** What is due meanwhile happens at its end. */
async function passTime(world: World, ms: number): Promise<void> {
  advanceClock(ms)
  for (const roomId of world.roomIds) await runDurableObjectAlarm(roomStub(roomId))
}

async function check(world: World): Promise<void> {
  for (const device of world.devices) {
    await takePending(device)
    for (let times = 0; times < 2; times += 1) await answered(() => device.observer.once(0, filterOf(device, 5)))
  }
  for (const roomId of world.roomIds) {
    const state = await answered(() => world.owner.state(roomId))
    const members = new Map(
      state.filter(({ type }) => type === 'm.room.member').map((event) => [event.state_key, event.content.membership]),
    )
    for (const device of world.devices) await checkDevice(device, roomId, members.get(device.observer.client.userId))
    const joined = [...members].flatMap(([userId, membership]) => (membership === 'join' && userId !== undefined ? [userId] : [])).sort()
    expect(await world.owner.joinedMembers(roomId)).toEqual(joined)
    for (const client of world.users) {
      expect((await client.joinedRooms()).includes(roomId), `${roomId} among the rooms of ${client.userId}`).toBe(
        joined.includes(client.userId),
      )
    }
  }
}

async function checkDevice({ observer, isLazy }: Device, roomId: string, membership: unknown): Promise<void> {
  const who = `${observer.client.userId} ${observer.client.deviceId} (${String(membership)}) in ${roomId}`
  const room = observer.rooms.get(roomId)
  expect(observer.invites.has(roomId), `${who}: invited`).toBe(membership === 'invite')
  // An invite hides the room until it is accepted; whoever never joined has nothing to compare with.
  if (membership === 'invite' || (room === undefined && membership !== 'join')) return
  if (room === undefined) throw new Error(`${who}: never told of the room`)
  expect(room.section, `${who}: section`).toBe(membership === 'join' ? 'join' : 'leave')
  const history = await answered(() => observer.client.history(roomId)).catch(refusedHistory)
  if (history === undefined) return
  const ids = history.map(({ event_id }) => event_id)
  expect(
    [...room.counts.keys()].filter((id) => !ids.includes(id)),
    `${who}: events that are not there`,
  ).toEqual([])
  // Who only saw an invite come and go is told how it went, not of what was before it.
  if (!room.wasJoined) return
  expect(
    ids.filter((id) => !room.counts.has(id)),
    `${who}: events missed`,
  ).toEqual([])
  const known = await answered(() => observer.client.state(roomId))
  const isCompared = ({ type }: ClientEvent): boolean => !isLazy || type !== 'm.room.member'
  expect(stateIds([...room.state.values()].filter(isCompared)), `${who}: state`).toEqual(stateIds(known.filter(isCompared)))
}

function refusedHistory(cause: unknown): ClientEvent[] | undefined {
  if (cause instanceof MatrixRequestError && cause.status === 403) return undefined
  throw cause
}

it('replaying any syncs gives what reading the rooms gives', { timeout: 240_000 }, async () => {
  const owner = await MatrixClient.register(home, 'owner')
  const users: MatrixClient[] = []
  for (const name of USERS) users.push(await MatrixClient.register(home, name))
  const logins: MatrixClient[] = []
  for (const index of DEVICE_USERS) logins.push(await MatrixClient.logIn(home, at(USERS, index)))
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 10, maxLength: MAX_STEPS, size: 'max' }), async (moves) => {
      const devices = logins.map((client, index) => ({
        observer: new SyncObserver(client),
        isLazy: index === LAZY_DEVICE,
        pending: undefined,
      }))
      const roomIds: string[] = []
      for (let n = 0; n < ROOMS; n += 1) roomIds.push(await owner.createRoom(roomOptions(users)))
      const world: World = { owner, users, devices, roomIds, sent: [], texts: 0 }
      for (const roomId of roomIds) await at(users, 1).join(roomId)
      for (const next of moves) await ('do' in next ? perform(world, next) : Promise.all(next.map((step) => perform(world, step))))
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
