/**
 * Authorizes events of test/vectors/synapse-server and messages of members: selection of auth events from the room's state, then the rules. Prints
 * what that took as JSON.
 *
 *   node bench/protocol/authorize.ts [rounds]
 */
import { readdirSync } from 'node:fs'
import type { RoomEvent } from '../../src/matrix/events/room-event.ts'
import { authTypesFor } from '../../src/state-resolution/auth/auth-types.ts'
import { type AuthState, checkAuth } from '../../src/state-resolution/auth/check-auth.ts'
import { stateMapKey } from '../../src/state-resolution/index.ts'
import { readServedRooms, type ServedRoom } from '../../test/support/synapse-server-rooms.ts'
import { threadCpuMs } from './thread-cpu.ts'

const FOLDER = new URL('../../test/vectors/synapse-server/', import.meta.url)

/** What deciding about so many events took. */
export interface AuthorizeReport {
  readonly events: number
  readonly allowed: number
  readonly cpuMs: number
}

/** Events of a room with the state at its end, which allows about half of them. */
function decisionsIn({ rules, events, byId, current }: ServedRoom): (() => boolean)[] {
  const create = events[0]?.event
  const find = (type: string, stateKey: string): RoomEvent | undefined => byId.get(current.get(stateMapKey(type, stateKey)) ?? '')?.event
  return events.map(({ event }) => () => {
    const selected = new Map<string, RoomEvent>()
    for (const [type, stateKey] of authTypesFor(event, rules)) {
      const found = find(type, stateKey)
      if (found !== undefined) selected.set(stateMapKey(type, stateKey), found)
    }
    const state: AuthState = { get: (type, stateKey) => selected.get(stateMapKey(type, stateKey)), create }
    return checkAuth(event, state, rules).allowed
  })
}

const rounds = Number(process.argv[2] ?? 100)
const decisions = readdirSync(FOLDER).flatMap((name) => readServedRooms(new URL(name, FOLDER)).rooms.flatMap(decisionsIn))
const round = (): number => decisions.reduce((allowed, decide) => allowed + Number(decide()), 0)
round()
const cpu = threadCpuMs()
let allowed = 0
for (let done = 0; done < rounds; done += 1) allowed += round()
const report: AuthorizeReport = { events: decisions.length * rounds, allowed, cpuMs: threadCpuMs() - cpu }
process.stdout.write(`${JSON.stringify(report)}\n`)
