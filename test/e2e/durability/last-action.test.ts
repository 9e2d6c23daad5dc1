import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectMembershipsAgree } from '../../support/crash-checks.ts'
import { eventually, pause, persistently, seededFractions, testSeed } from '../../support/crash-load.ts'
import { homeserver } from '../../support/crash-server.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'
import { SyncObserver } from '../../support/sync-observer.ts'

/** By when rooms and users agree after a kill in the middle of a change; a notice that was not taken is repeated by an alarm. */
const AGREED_WITHIN_MS = 60_000
/** Rooms settle about 25 s after their last event, also when they ended meanwhile. */
const SETTLED_WITHIN_MS = 75_000
const ROUNDS = 5
const ACTIONS = ['invite', 'join', 'ban', 'leave'] as const
const WANTED = { invite: 'invite', join: 'join', ban: 'ban', leave: 'leave' } as const

/** A membership change that is about to happen. */
interface Change {
  readonly action: (typeof ACTIONS)[number]
  readonly roomId: string
  readonly bob: MatrixClient
  readonly observer: SyncObserver
  readonly perform: () => Promise<unknown>
}

describe('a membership change as the last action before a kill', () => {
  const fraction = seededFractions(testSeed())
  let server: ServerProcess
  let alice: MatrixClient
  let made = 0

  beforeAll(async () => {
    server = await startServerProcess()
    alice = await MatrixClient.register(homeserver(server), 'alice')
  })

  afterAll(async () => {
    await server.stop()
  })

  async function prepare(action: Change['action']): Promise<Change> {
    made += 1
    const bob = await MatrixClient.register(homeserver(server), `bob${made}`)
    const roomId = await alice.createRoom({ preset: 'private_chat', ...(action === 'join' ? { invite: [bob.userId] } : {}) })
    if (action === 'ban' || action === 'leave') {
      await alice.moderate('invite', roomId, bob.userId)
      await bob.join(roomId)
    }
    const observer = new SyncObserver(bob)
    await observer.once()
    const perform = {
      invite: () => alice.moderate('invite', roomId, bob.userId),
      join: () => bob.join(roomId),
      ban: () => alice.moderate('ban', roomId, bob.userId),
      leave: () => bob.leave(roomId),
    }[action]
    return { action, roomId, bob, observer, perform }
  }

  async function membershipOf({ roomId, bob }: Change): Promise<unknown> {
    const state = await alice.state(roomId)
    return state.find(({ type, state_key }) => type === 'm.room.member' && state_key === bob.userId)?.content.membership
  }

  /** The room and its user agree, and the user's device is told so from where it was before the kill. */
  async function expectAgreement(change: Change, membership: unknown): Promise<void> {
    const { roomId, bob, observer } = change
    await expectMembershipsAgree([alice, bob], [roomId])
    await observer.once()
    const told = observer.invites.has(roomId) ? 'invite' : (observer.rooms.get(roomId)?.section ?? 'nothing')
    const wanted = membership === 'ban' ? 'leave' : membership === undefined ? 'nothing' : membership
    expect(told, `${change.action}: ${roomId} as ${bob.userId} was told`).toBe(wanted)
  }

  it('is there after the restart, for the room and for the user, once it was acknowledged', async () => {
    for (const action of ACTIONS) {
      const change = await prepare(action)
      await change.perform()
      await server.kill9()
      await server.restart()
      expect(await membershipOf(change), action).toBe(WANTED[action])
      // Acknowledged means that both have it: nothing to wait for.
      await expectAgreement(change, WANTED[action])
    }
  })

  it('is the same for the room and for the user when the kill comes in the middle of it', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const changes: Change[] = []
      for (const action of ACTIONS) changes.push(await prepare(action))
      const performed = changes.map(({ perform }) =>
        perform().then(
          () => true,
          () => false,
        ),
      )
      await pause(fraction() * 20)
      await server.kill9()
      const acknowledged = await Promise.all(performed)
      await server.restart()
      for (const [index, change] of changes.entries()) {
        const membership = await persistently(() => membershipOf(change))
        if (acknowledged[index] === true) expect(membership, change.action).toBe(WANTED[change.action])
        await eventually(AGREED_WITHIN_MS, () => expectAgreement(change, membership))
      }
    }
  }, 240_000)

  it('and a message as the last one reaches devices that lost nothing themselves and only wait', async () => {
    const bob = await MatrixClient.register(homeserver(server), 'waiting')
    const roomId = await alice.createRoom()
    await bob.join(roomId)
    const observer = new SyncObserver(bob)
    await observer.once()
    // Their own membership makes everything durable that they know: with this token nothing tells the server to ask the rooms.
    await bob.createRoom()
    await observer.once()
    const eventId = await alice.send(roomId, 'the last word')
    await server.kill9()
    await server.restart()
    observer.start()
    try {
      // Nobody touches the room: its alarm alone must bring the event.
      await observer.until('the last word', () => observer.hasEvent(roomId, eventId), SETTLED_WITHIN_MS)
    } finally {
      await observer.stop()
    }
  })
})
