import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import type { TestSession } from './api-client.ts'
import { createRoom, join, ok, people } from './room-api.ts'
import { sync } from './sync-api.ts'

/*
 * Looking at the polls that an account's object has parked.
 */

/** The object of a user's account. */
export function userOf({ userId }: TestSession) {
  return env.USER.get(env.USER.idFromName(userId))
}

/** How many polls of a user are parked now. Wakes the object. */
export function parkedOf(who: TestSession): Promise<number> {
  return runInDurableObject(
    userOf(who),
    (_user, ctx) => ctx.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN).length,
  )
}

/** Waits until so many polls of a user are parked. */
export function parked(who: TestSession, count: number): Promise<void> {
  return expect.poll(() => parkedOf(who)).toBe(count)
}

/** Two users in a room of their own, and where the second one is after a first sync. */
export async function inOneRoom(): Promise<{
  readonly alice: TestSession
  readonly bob: TestSession
  readonly roomId: string
  readonly since: string
}> {
  const [alice, bob] = await people(2)
  if (alice === undefined || bob === undefined) throw new Error('nobody')
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  return { alice, bob, roomId, since: (await sync(bob)).next_batch }
}
