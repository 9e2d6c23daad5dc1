import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { GraphOracle } from '../../../support/graph-oracle.ts'
import type { HostilePeer } from '../../../support/hostile-peer.ts'
import type { HostileRoom, Line } from '../../../support/hostile-room.ts'
import { type HostileWorld, heard, shareRoom, startHostileWorld } from '../../../support/hostile-world.ts'
import type { MatrixClient } from '../../../support/matrix-client.ts'

let world: HostileWorld
let alice: MatrixClient
let peer: HostilePeer

beforeAll(async () => {
  world = await startHostileWorld()
  alice = await world.here.register('alice')
  peer = await world.peer()
}, 120_000)
afterAll(async () => world?.stop())

/** Events that the peer makes in one run. */
const STEPS = 60
/** Every so many steps somebody of the server under test changes something too. */
const LOCAL_EVERY = 12
const SEEDS = Number(process.env.FORK_SEEDS ?? 2)

/** Numbers below a bound that look like chance and are the same in every run of a seed. */
function dice(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** A room that one server tears apart: lines of history that know nothing of one another, joined now and then. */
class TornRoom {
  readonly room: HostileRoom
  readonly oracle: GraphOracle
  readonly #roll: (below: number) => number
  readonly #users: readonly string[]
  readonly #lines: Line[]
  /** How often lines of different states were joined. */
  conflicts = 0

  constructor(room: HostileRoom, oracle: GraphOracle, users: readonly string[], start: RoomEvent, roll: (below: number) => number) {
    this.room = room
    this.oracle = oracle
    this.#users = users
    this.#roll = roll
    const line = this.lineAfter([start])
    this.#lines = [line, line, line]
  }

  /** The next event on one of the lines. */
  step(n: number): RoomEvent {
    const index = this.#roll(this.#lines.length)
    const line = this.#roll(4) === 0 ? this.#joined(index) : this.#line(index)
    const { event } = this.room.next(line, this.#choice(n))
    this.#lines[index] = this.lineAfter([event])
    return event
  }

  /** One line takes note of an event of the server under test. */
  hears(event: RoomEvent): void {
    this.#lines[this.#roll(this.#lines.length)] = this.lineAfter([event])
  }

  lineAfter(tips: readonly RoomEvent[]): Line {
    if (new Set(tips.map(({ eventId }) => JSON.stringify([...this.oracle.after(eventId)].sort()))).size > 1) this.conflicts += 1
    const state = this.oracle.resolved(tips.map(({ eventId }) => eventId))
    return { tips, state: new Map([...state].flatMap(([key, id]) => this.#entry(key, id))) }
  }

  #entry(key: string, id: string): (readonly [string, RoomEvent])[] {
    const event = this.room.events.get(id)
    return event === undefined ? [] : [[key, event]]
  }

  #line(index: number): Line {
    const line = this.#lines[index]
    if (line === undefined) throw new Error('no such line')
    return line
  }

  #joined(index: number): Line {
    const tips = [...this.#line(index).tips, ...this.#line(this.#roll(this.#lines.length)).tips]
    return this.lineAfter([...new Map(tips.map((tip) => [tip.eventId, tip])).values()])
  }

  #choice(n: number): { sender: string; type: string; content: JsonObject; stateKey?: string } {
    const sender = this.#users[this.#roll(this.#users.length)] ?? ''
    const target = this.#users[this.#roll(this.#users.length)] ?? ''
    const member = (membership: string, stateKey: string) => ({ sender, type: 'm.room.member', stateKey, content: { membership, n } })
    const choices = [
      () => ({ sender, type: 'm.room.message', content: { body: `${n}` } }),
      () => ({ sender, type: 'm.room.topic', stateKey: '', content: { topic: `${n}` } }),
      () => ({ sender, type: 'm.room.name', stateKey: '', content: { name: `${n}` } }),
      () => member('join', sender),
      () => member('leave', sender),
      () => member(this.#roll(2) === 0 ? 'ban' : 'leave', target),
      () => ({ sender, type: 'm.room.join_rules', stateKey: '', content: { join_rule: this.#roll(3) === 0 ? 'invite' : 'public' } }),
      () => ({
        sender,
        type: 'm.room.power_levels',
        stateKey: '',
        content: { users: withPower(this.room.rules.version, { [target]: this.#roll(2) * 50 }) },
      }),
    ]
    return (choices[this.#roll(choices.length)] ?? choices[0])?.() ?? member('join', sender)
  }
}

/** Who has which power, the creator included where that is not a matter of course. */
function withPower(version: string, users: Readonly<Record<string, number>>): JsonObject {
  return version === '12' ? users : { [alice.userId]: 100, ...users }
}

/** Takes events out of a list in an order of chance. */
function shuffled<T>(items: readonly T[], roll: (below: number) => number): T[] {
  const rest = [...items]
  return items.flatMap(() => rest.splice(roll(rest.length), 1))
}

describe.each(['10', '11', '12'])('a room of version %s that another server tears apart', (version) => {
  it.each(Array.from({ length: SEEDS }, (_, n) => n + 1))(
    'has the state that its graph resolves to, in whatever order it comes (seed %i)',
    { timeout: 120_000 },
    async (seed) => {
      const roll = dice(seed)
      const { roomId, room } = await shareRoom(alice, peer, version)
      const users = ['mal', 'bob', 'joe'].map((name) => peer.user(`${name}${seed}v${version}`))
      const [join] = room.line.tips
      if (join === undefined) throw new Error('no join')
      const oracle = new GraphOracle(room.events, room.rules)
      oracle.begin(join, room.before.get(join.eventId)?.values() ?? [])
      const joins = users.map((user) => room.state(user, 'm.room.member', user, { membership: 'join' }))
      await peer.send(...joins)
      const [mal = '', bob = ''] = users
      await alice.sendState(roomId, 'm.room.power_levels', '', { users: withPower(version, { [mal]: 50, [bob]: 50 }) })
      await alice.send(roomId, 'torn apart')
      const start = room.take(await heard(peer, roomId, 'torn apart'))
      const torn = new TornRoom(room, oracle, users, start, roll)
      let waiting: RoomEvent[] = []
      for (let n = 0; n < STEPS; n += 1) {
        waiting.push(torn.step(n))
        if (roll(5) === 0) {
          // Some come late, some twice.
          const sent = shuffled(waiting, roll)
          await peer.send(...sent.slice(0, 10), ...sent.slice(0, 2))
          waiting = sent.slice(10)
        }
        if (n % LOCAL_EVERY === LOCAL_EVERY - 1) {
          await alice.sendState(roomId, 'm.room.topic', '', { topic: `alice ${n}` })
          await alice.send(roomId, `alice ${n}`)
          torn.hears(room.take(await heard(peer, roomId, `alice ${n}`)))
        }
      }
      await peer.send(...shuffled(waiting, roll))
      // An event that came before its predecessors waits no longer, because now all are here.
      expect(torn.conflicts).toBeGreaterThan(0)
      await alice.send(roomId, 'the end')
      const end = room.parse(await heard(peer, roomId, 'the end'))
      const { body } = await peer.ask('GET', `v1/state_ids/${encodeURIComponent(roomId)}?event_id=${encodeURIComponent(end.eventId)}`)
      const expected = [...oracle.resolved(end.prevEvents).values()].sort()
      expect([...(body.pdu_ids as string[])].sort()).toEqual(expected)
      // What clients see is the same.
      expect((await alice.state(roomId)).map(({ event_id }) => event_id).sort()).toEqual(expected)
    },
  )
})
