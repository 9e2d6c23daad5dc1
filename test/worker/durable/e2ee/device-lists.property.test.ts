import { runDurableObjectAlarm } from 'cloudflare:test'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { call, logIn, type TestSession } from '../../../support/api-client.ts'
import { advanceClock, answered, endObject, roomStub, userStub } from '../../../support/crash-worker.ts'
import { publish, query, syncOnce } from '../../../support/e2ee.ts'
import { createRoom, enc, join, leave, ok, people } from '../../../support/room-api.ts'

/*
 * Whatever joins, leaves, changes of devices and crashes come in whatever order: a client that follows device_lists knows, once it has caught up, every device of
 * everybody it shares a room with, and keeps no list of anybody else.
 */

const SEED = 20_262
const RUNS = 12
const MAX_STEPS = 30
const USERS = 3
const ROOMS = 2

/** By what clients sync: each user has one of each. */
type Form = 'classic' | 'unstable' | 'v4'
const FORMS: readonly Form[] = ['classic', 'unstable', 'v4']

type Step =
  | { readonly do: 'join' | 'leave'; readonly user: number; readonly room: number }
  | { readonly do: 'change' | 'sync' | 'check' | 'end user'; readonly user: number }
  | { readonly do: 'end room'; readonly room: number }

/** A client, by which its user is named as well. */
const user = fc.nat(USERS * FORMS.length - 1)
const room = fc.nat(ROOMS - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('join', 'leave'), user, room }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constantFrom('change', 'sync', 'check', 'end user'), user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end room'), room }) },
)

const PATHS = { unstable: '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync', v4: '/_matrix/client/v4/sync' }

interface DeviceLists {
  readonly changed: readonly string[]
  readonly left: readonly string[]
}

/** A client: what it believes about the devices of others. */
class Follower {
  readonly session: TestSession
  readonly form: Form
  since: string | undefined
  /** Devices by user; `undefined` where they have to be asked for. */
  readonly lists = new Map<string, string | undefined>()

  constructor(session: TestSession, form: Form) {
    this.session = session
    this.form = form
  }

  async sync(): Promise<void> {
    const { changed, left } = this.form === 'classic' ? await this.#classic() : await this.#sliding(PATHS[this.form])
    for (const userId of changed) if (this.lists.has(userId)) this.lists.set(userId, undefined)
    for (const userId of left) this.lists.delete(userId)
  }

  async #classic(): Promise<DeviceLists> {
    const response = await answered(() => syncOnce(this.session, this.since))
    this.since = response.next_batch
    return response.device_lists
  }

  /** A connection that only follows devices; the server may forget it, and then the client begins with nothing. */
  async #sliding(path: string): Promise<DeviceLists> {
    const pos = this.since
    const isV4 = path === PATHS.v4
    const name = isV4 ? 'org.matrix.msc4543.e2ee' : 'e2ee'
    const body = { conn_id: 'encryption', ...(isV4 ? { pos } : {}), extensions: { [name]: { enabled: true } } }
    const query = isV4 || pos === undefined ? '' : `?pos=${encodeURIComponent(pos)}`
    const answer = await answered(async () => {
      const { status, body: told } = await call('POST', `${path}${query}`, { token: this.session.token, body })
      if (status >= 500) throw new Error(`sliding sync: ${status}`)
      return told
    })
    if (answer.errcode === 'M_UNKNOWN_POS') {
      this.since = undefined
      this.lists.clear()
      return await this.#sliding(path)
    }
    this.since = answer.pos
    return answer.extensions[name].device_lists ?? { changed: [], left: [] }
  }

  /** What encrypting to somebody would use. */
  async devicesFor(userId: string): Promise<string> {
    const known = this.lists.get(userId)
    if (known !== undefined) return known
    const devices = await answered(() => devicesOf(this.session, userId))
    this.lists.set(userId, devices)
    return devices
  }
}

async function devicesOf(asker: TestSession, userId: string): Promise<string> {
  return JSON.stringify((await query(asker, userId)).device_keys[userId])
}

interface World {
  readonly followers: readonly Follower[]
  readonly roomIds: readonly string[]
}

function at<T>(list: readonly T[], index: number): T {
  const value = list[index]
  if (value === undefined) throw new Error(`nothing at ${index}`)
  return value
}

async function perform(world: World, next: Step): Promise<void> {
  if (next.do === 'end room') return endObject('room', at(world.roomIds, next.room))
  const follower = at(world.followers, next.user)
  const { session } = follower
  switch (next.do) {
    case 'join':
      await answered(() => join(session, at(world.roomIds, next.room)))
      return
    case 'leave':
      await answered(() => leave(session, at(world.roomIds, next.room)))
      return
    case 'change':
      return answered(async () => publish(await logIn(session.localpart)))
    case 'sync':
      return follower.sync()
    case 'end user':
      return endObject('user', session.userId)
    case 'check':
      return check(world, follower)
  }
}

/** Everything that is due happens. */
async function settle({ followers, roomIds }: World): Promise<void> {
  advanceClock(120_000)
  for (const roomId of roomIds) await runDurableObjectAlarm(roomStub(roomId))
  for (const { session } of followers) await runDurableObjectAlarm(userStub(session.userId))
}

async function check(world: World, follower: Follower): Promise<void> {
  await settle(world)
  await follower.sync()
  const sharing = new Set<string>()
  const { token } = follower.session
  const { joined_rooms: joinedRooms } = ok(await answered(() => call('GET', '/joined_rooms', { token }))).body
  for (const roomId of joinedRooms) {
    const answer = await answered(() => call('GET', `/rooms/${enc(roomId)}/joined_members`, { token }))
    for (const userId of Object.keys(ok(answer).body.joined)) sharing.add(userId)
  }
  sharing.delete(follower.session.userId)
  for (const other of world.followers) {
    const { userId } = other.session
    if (!sharing.has(userId)) continue
    expect(await follower.devicesFor(userId), `${userId} as ${follower.session.userId} knows them`).toBe(
      await devicesOf(other.session, userId),
    )
  }
  expect(
    [...follower.lists.keys()].filter((userId) => !sharing.has(userId)),
    'kept without sharing a room',
  ).toEqual([])
}

it('a client that follows device_lists never uses a stale or missing device list (D13)', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: MAX_STEPS, size: 'max' }), async (steps) => {
      const sessions = await people(USERS)
      const creator = at(sessions, 0)
      const roomIds: string[] = []
      for (let n = 0; n < ROOMS; n += 1) roomIds.push(await createRoom(creator, { preset: 'public_chat' }))
      for (const session of sessions) await publish(session)
      const followers: Follower[] = []
      for (const session of sessions)
        for (const form of FORMS) followers.push(new Follower(form === 'classic' ? session : await logIn(session.localpart), form))
      for (const follower of followers) await follower.sync()
      const world: World = { followers, roomIds }
      ok(await join(at(sessions, 1), at(roomIds, 0)))
      for (const next of steps) await perform(world, next)
      for (const follower of followers) await check(world, follower)
    }),
    { seed: SEED, numRuns: RUNS },
  )
})
