import type { StoredEvent } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'

/** Most members that name a room without a name (client-server-api `GET /sync`, `m.heroes`). */
const MAX_HEROES = 5

/** User IDs that stand for the room's name where it has none: joined and invited first, those who left if there is nobody else. */
export function heroes(core: RoomCore, readerId: string): string[] {
  const present = core.members.heroes(readerId, ['join', 'invite'], MAX_HEROES)
  const chosen = present.length > 0 ? present : core.members.heroes(readerId, ['leave', 'ban'], MAX_HEROES)
  return chosen.map(({ userId }) => userId)
}

/** Types of state that a change of the summary comes with. */
const SUMMARY_TYPES: readonly string[] = ['m.room.member', 'm.room.name', 'm.room.canonical_alias']

/** Whether the summary may be another one after events. */
export function movesSummary(events: readonly StoredEvent[]): boolean {
  return events.some(({ type }) => SUMMARY_TYPES.includes(type))
}

/** Whether clients need heroes to name the room: its name and its canonical alias are unset or empty. */
export function needsHeroes(core: RoomCore): boolean {
  return !isNamed(core, 'm.room.name', 'name') && !isNamed(core, 'm.room.canonical_alias', 'alias')
}

function isNamed(core: RoomCore, type: string, key: string): boolean {
  const event = core.currentEvent(type, '')
  const value = event === undefined ? undefined : core.roomEvent(event, core.roomId).content[key]
  return typeof value === 'string' && value !== ''
}

/** The room summary as JSON. */
export function roomSummary(core: RoomCore, heroIds: readonly string[] | undefined): string {
  return JSON.stringify({
    ...(heroIds === undefined ? {} : { 'm.heroes': heroIds }),
    'm.joined_member_count': core.members.count('join'),
    'm.invited_member_count': core.members.count('invite'),
  })
}
