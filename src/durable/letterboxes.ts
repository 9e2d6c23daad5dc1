import type { Env } from '../runtime/bindings.ts'
import type { RoomFacts, UnreadNews } from './room-news.ts'

/** What a room tells a user, as in a hint. Plain data that nobody changes. */
export interface Letter {
  readonly roomId: string
  readonly generation: string
  /** The room's newest position. */
  readonly head: number
  readonly facts: RoomFacts
  /** What happened above a position that the user has evaluated. */
  readonly newsAbove: (pos: number) => UnreadNews
  readonly nowMs: number
}

/**
 * Where rooms of this isolate leave news for a user who need not hear of them at once (docs/design/push.md, "Letterboxes"). Memory and nothing else: no part of it
 * may belong to an object, because none may use what is another's.
 */
export interface Letterbox {
  /**
   * Takes a letter, and tells the user's phones. Answers whether it has; if not, the user is to be rung, and nothing has happened. `stayFor` is given what the
   * caller's object has to stay for.
   */
  leave(letter: Letter, stayFor: (work: Promise<void>) => void): boolean
  /** Everything up to here is in the user's database, as far as the box knows. */
  durablePos(roomId: string, generation: string): number
}

/** Boxes that are out at once in one isolate; other users are rung. */
const MAX_LETTERBOXES = 2_000

/** The letterboxes of one isolate by user. Each user puts out their own, and takes it in before anything else is done with the account. */
export class Letterboxes<Box extends Letterbox = Letterbox> {
  readonly #boxes = new Map<string, Box>()

  /** The box of a user who has one out. */
  find(userId: string): Box | undefined {
    return this.#boxes.get(userId)
  }

  /** Puts a user's box out, unless there are too many. */
  putOut(userId: string, box: Box): void {
    if (this.#boxes.size < MAX_LETTERBOXES || this.#boxes.has(userId)) this.#boxes.set(userId, box)
  }

  /** Takes a user's box in. */
  takeIn(userId: string): Box | undefined {
    const box = this.#boxes.get(userId)
    if (box !== undefined) this.#boxes.delete(userId)
    return box
  }
}

const ofIsolate = new WeakMap<object, Letterboxes>()

/** The letterboxes of this isolate. */
export function letterboxesOf(env: Env): Letterboxes {
  let boxes = ofIsolate.get(env)
  if (boxes === undefined) {
    boxes = new Letterboxes()
    ofIsolate.set(env, boxes)
  }
  return boxes
}
