import type { Answer, TestSession } from './api-client.ts'
import { createRoom, getState, join, leave, moderate, ok, putState, say } from './room-api.ts'

/*
 * A room in which everybody has a part, for tests of who may do what.
 */

/** A room with everybody in their place. */
export interface World {
  readonly roomId: string
  readonly version: string
  /** Created the room. */
  readonly admin: TestSession
  /** Level 50. */
  readonly mod: TestSession
  /** Level 50. */
  readonly mod2: TestSession
  readonly member: TestSession
  readonly other: TestSession
  readonly banned: TestSession
  readonly left: TestSession
  readonly invited: TestSession
  readonly outsider: TestSession
  /** A message of {@link member}. */
  readonly message: string
}

/** How many people {@link buildWorld} needs. */
export const CAST_SIZE = 9

export function usersOf(world: World): Record<string, number> {
  const levelsOfUsers = { [world.mod.userId]: 50, [world.mod2.userId]: 50 }
  return world.version === '12' ? levelsOfUsers : { ...levelsOfUsers, [world.admin.userId]: 100 }
}

export function joinRule(rule: string) {
  return async (world: World) => ok(await putState(world.admin, world.roomId, 'm.room.join_rules', { join_rule: rule }))
}

/** Changes power levels in the admin's name; entries of maps are merged. */
export function levels(change: Readonly<Record<string, unknown>> | ((world: World) => Readonly<Record<string, unknown>>)) {
  return async (world: World) => ok(await writeLevels(world, 'admin', typeof change === 'function' ? change(world) : change))
}

export function changeLevels(who: 'admin' | 'mod', change: Readonly<Record<string, unknown>>) {
  return (world: World) => writeLevels(world, who, change)
}

export function changeUser(who: 'admin' | 'mod', whom: 'admin' | 'mod' | 'mod2' | 'member', level: unknown) {
  return (world: World) => writeLevels(world, who, { users: { [world[whom].userId]: level } })
}

async function writeLevels(world: World, who: 'admin' | 'mod', change: Readonly<Record<string, unknown>>): Promise<Answer> {
  const current = ok(await getState(world.admin, world.roomId, 'm.room.power_levels')).body
  const content = { ...current, ...change }
  for (const map of ['users', 'events', 'notifications'] as const) content[map] = { ...current[map], ...(change[map] ?? {}) }
  return putState(world[who], world.roomId, 'm.room.power_levels', content)
}

/** A fresh room in which each of the cast has a part. */
export async function buildWorld(cast: readonly TestSession[], version: string): Promise<World> {
  const [admin, mod, mod2, member, other, banned, left, invited, outsider] = cast
  if (!admin || !mod || !mod2 || !member || !other || !banned || !left || !invited || !outsider) throw new Error('the cast is incomplete')
  const base = { version, admin, mod, mod2, member, other, banned, left, invited, outsider }
  const roomId = await createRoom(admin, {
    preset: 'public_chat',
    room_version: version,
    invite: [invited.userId],
    power_level_content_override: {
      users: usersOf({ ...base, roomId: '', message: '' }),
      events: { 'm.room.power_levels': 50, 'm.room.history_visibility': 100, 'm.room.tombstone': version === '12' ? 150 : 100 },
    },
  })
  for (const who of [mod, mod2, member, other, left]) ok(await join(who, roomId))
  ok(await leave(left, roomId))
  ok(await moderate(mod, 'ban', roomId, banned))
  return { ...base, roomId, message: ok(await say(member, roomId)).body.event_id }
}
