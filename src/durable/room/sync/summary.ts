import type { RoomCore } from '../room-core.ts'

/** Most members that name a room without a name (client-server-api `GET /sync`, `m.heroes`). */
const MAX_HEROES = 5

/** User IDs that stand for the room's name where it has none: joined and invited first, those who left if there is nobody else. */
export function heroes(core: RoomCore, readerId: string): string[] {
  const present = core.members.heroes(readerId, ['join', 'invite'], MAX_HEROES)
  const chosen = present.length > 0 ? present : core.members.heroes(readerId, ['leave', 'ban'], MAX_HEROES)
  return chosen.map(({ userId }) => userId)
}

/** Whether clients need heroes to name the room. */
export function needsHeroes(core: RoomCore): boolean {
  return core.currentEvent('m.room.name', '') === undefined && core.currentEvent('m.room.canonical_alias', '') === undefined
}

/** The room summary as JSON. */
export function roomSummary(core: RoomCore, heroIds: readonly string[] | undefined): string {
  return JSON.stringify({
    ...(heroIds === undefined ? {} : { 'm.heroes': heroIds }),
    'm.joined_member_count': core.members.count('join'),
    'm.invited_member_count': core.members.count('invite'),
  })
}
