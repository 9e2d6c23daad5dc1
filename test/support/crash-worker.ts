import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { expect, onTestFinished, vi } from 'vitest'
import { Room } from '../../src/durable/room/room.ts'
import { Feed } from '../../src/durable/user/feed.ts'
import { User } from '../../src/durable/user/user.ts'
import { type Homeserver, MatrixRequestError } from './matrix-client.ts'

/** How often a request to an object that just ended is repeated. */
const MAX_ATTEMPTS = 10
const CONTROL_HEADERS = { authorization: 'Bearer control-token-for-tests', 'content-type': 'application/json' }

/** The Worker under test. */
export const home: Homeserver = { url: 'https://test.example', fetch: (url, init) => exports.default.fetch(url, init) }

/** A stub of its own for each call: one whose object has ended stays broken. */
export function roomStub(roomId: string) {
  return env.ROOM.get(env.ROOM.idFromName(roomId))
}

export function userStub(userId: string) {
  return env.USER.get(env.USER.idFromName(userId))
}

/** Ends the life of an object as a crash would. */
export async function endObject(object: 'user' | 'room', name: string): Promise<void> {
  const body = JSON.stringify({ object, name })
  const response = await home.fetch(`${home.url}/_myelin/control/abort`, { method: 'POST', headers: CONTROL_HEADERS, body })
  expect(response.status).toBe(200)
}

/** Repeats what an object that just ended has broken off; a refusal is an answer. */
export async function answered<T>(body: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await body()
    } catch (cause) {
      if ((cause instanceof MatrixRequestError && cause.status < 500) || attempt >= MAX_ATTEMPTS) throw cause
    }
  }
}

const realNow = Date.now
let aheadMs = 0

/** The clock that objects read is ahead by this much more until the test ends. */
export function advanceClock(ms: number): void {
  aheadMs += ms
  Date.now = () => realNow() + aheadMs
  onTestFinished(() => {
    aheadMs = 0
    Date.now = realNow
  })
}

/** The room's alarm fires. Fails where none is set: then nothing would ever finish what a crash broke off. */
export async function fireRoomAlarm(roomId: string): Promise<void> {
  expect(await runDurableObjectAlarm(roomStub(roomId)), 'an alarm of the room').toBe(true)
}

/** The platform repeats an alarm whose object ended while it ran; the test runtime has forgotten it by then. */
export async function repeatRoomAlarm(roomId: string): Promise<void> {
  await runInDurableObject(roomStub(roomId), (room) => {
    if (!(room instanceof Room)) throw new Error(`${roomId} is not a room`)
    return room.alarm()
  })
}

/** Methods by which rooms talk to users. */
export type UserMethod = 'hint' | 'membership' | 'settle'

/** A point between two steps of the protocol at which an object ends. */
export interface CrashPoint {
  readonly method: UserMethod
  /** Before the user does anything, or when it has done everything and not answered. */
  readonly when: 'before' | 'after'
  /** The user whose method it is, or the room that calls it. */
  readonly victim: 'user' | 'room'
}

/** The next call of a user's method ends the user or the room as a crash would; later calls are left alone. Answers whether it has happened. */
export function crashAt({ method, when, victim }: CrashPoint, roomId: string): () => boolean {
  const original: unknown = Reflect.get(User.prototype, method)
  if (typeof original !== 'function') throw new Error(`users have no method ${method}`)
  const replace = (value: unknown): void => {
    Object.defineProperty(User.prototype, method, { configurable: true, writable: true, value })
  }
  let happened = false
  replace(async function (this: User, ...args: unknown[]): Promise<unknown> {
    if (happened) return Reflect.apply(original, this, args)
    happened = true
    if (when === 'after') await Reflect.apply(original, this, args)
    if (victim === 'user') this.abortForTest()
    else await endObject('room', roomId)
    throw new Error('broken off by a test')
  })
  onTestFinished(() => replace(original))
  return () => happened
}

/** The next flush of a user fails before it has written anything, or when it has written everything: the user's object ends. */
export function failNextFlush(when: CrashPoint['when']): () => boolean {
  const original = Feed.prototype.flush
  let happened = false
  Feed.prototype.flush = function (this: Feed, ...args: Parameters<Feed['flush']>): void {
    const isNext = !happened && (this.needsFlush || args[1] !== undefined)
    happened ||= isNext
    if (!isNext || when === 'after') original.apply(this, args)
    if (isNext) throw new Error('broken off by a test')
  }
  onTestFinished(() => {
    Feed.prototype.flush = original
  })
  return () => happened
}

/** Counts calls of a user's method from here on. */
export function countCallsOf(method: UserMethod): () => number {
  const spy = vi.spyOn(User.prototype, method)
  onTestFinished(() => spy.mockRestore())
  return () => spy.mock.calls.length
}
