import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { RoomEvent } from '../../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../../src/matrix/json.ts'
import type { RoomVersionRules } from '../../../src/matrix/room-versions/rules.ts'
import { checkAgainstAuthEvents } from '../../../src/state-resolution/auth/check-auth.ts'
import { resolveState, type StateMap, stateMapKey } from '../../../src/state-resolution/index.ts'
import { rulesOf } from '../../support/room-builder.ts'

/** The problem graphs of MSC4297 (S1), in room version 11 under either algorithm, and in version 12. */
interface Vector {
  readonly events: readonly VectorEvent[]
  readonly states: readonly (readonly string[])[]
  readonly resolved: Readonly<Record<'v2' | 'v2.1', readonly string[]>>
}

interface VectorEvent {
  readonly id: string
  readonly type: string
  readonly state_key: string
  readonly sender: string
  readonly content: JsonObject
  /** Users that power levels name where creators are not privileged. */
  readonly users?: JsonObject
  readonly prev: readonly string[]
  readonly auth: readonly string[]
}

function readVector(name: string): Vector {
  return JSON.parse(readFileSync(new URL(`../../vectors/state-res/${name}.json`, import.meta.url), 'utf8'))
}

function eventsOf({ events }: Vector, rules: RoomVersionRules): Map<string, RoomEvent> {
  const built = events.map((event, place): RoomEvent => {
    const content = contentOf(event, rules)
    const create = events[0]?.id ?? ''
    return {
      eventId: event.id,
      roomId: rules.roomIdIsCreateHash ? `!${create.slice(1)}` : '!room:one.test',
      type: event.type,
      stateKey: event.state_key,
      sender: event.sender,
      content,
      originServerTs: 1_000 * place,
      depth: place + 1,
      prevEvents: event.prev,
      authEvents: rules.roomIdIsCreateHash ? event.auth.filter((id) => id !== create) : event.auth,
      redacts: undefined,
      pdu: { content },
    }
  })
  return new Map(built.map((event) => [event.eventId, event]))
}

function contentOf(event: VectorEvent, rules: RoomVersionRules): JsonObject {
  if (event.type === 'm.room.create') return { room_version: rules.version }
  if (event.users === undefined || rules.privilegedCreators) return event.content
  return { ...event.content, users: { ...event.users, ...(event.content.users as JsonObject) } }
}

const RULES: readonly RoomVersionRules[] = [rulesOf('11'), { ...rulesOf('11'), stateResolution: 'v2.1' }, rulesOf('12')]
const TRIALS = ['msc4297-problem-a', 'msc4297-problem-b'].flatMap((name) =>
  RULES.map((rules) => [name, rules.version, rules.stateResolution, rules] as const),
)

test.each(TRIALS)('S1: %s in version %s resolves as %s does', (name, _version, algorithm, rules) => {
  const vector = readVector(name)
  const events = eventsOf(vector, rules)
  const lookup = { get: (id: string) => events.get(id), isRejected: () => false }
  const stateOf = (ids: readonly string[]): StateMap =>
    new Map(ids.map((id) => [stateMapKey(events.get(id)?.type ?? '', events.get(id)?.stateKey ?? ''), id]))
  for (const event of events.values()) {
    const authEvents = event.authEvents.flatMap((id) => events.get(id) ?? [])
    expect(checkAgainstAuthEvents(event, authEvents, () => false, rules, events.get('$create'))).toEqual({ allowed: true })
  }
  const resolved = resolveState(vector.states.map(stateOf), lookup, rules)
  const expected = vector.resolved[algorithm === 'v2.1' ? 'v2.1' : 'v2']
  expect([...resolved.values()].sort()).toEqual([...expected].sort())
})
