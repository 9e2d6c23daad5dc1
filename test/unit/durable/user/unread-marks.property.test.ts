import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MAX_MARKS_PER_ROOM, type UnreadCounts, UnreadMarks } from '../../../../src/durable/user/unread-marks.ts'
import { USER_MIGRATIONS } from '../../../../src/storage/user/migrations.generated.ts'
import { readUnreadMarks, type UnreadMark } from '../../../../src/storage/user/unread-marks.ts'
import { NodeObjectDatabase } from '../../../support/node-object-store.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../../support/property-runs.ts'

/*
 * Whatever is added, removed, written and lost in whatever order: counts are those of the marks as if they were counted anew each time, and what was written is
 * what there was.
 */

const ROOM = '!room:test'
const THREADS = ['main', '$a', '$b'] as const

type Step =
  | { readonly do: 'add'; readonly marks: readonly { readonly thread: string; readonly highlight: boolean }[] }
  | { readonly do: 'read'; readonly share: number; readonly thread: string | undefined }
  | { readonly do: 'write' | 'crash' | 'count' }

const newMark = fc.record({ thread: fc.constantFrom(...THREADS), highlight: fc.boolean() })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), marks: fc.array(newMark, { minLength: 1, maxLength: 40 }) }),
  fc.record({
    do: fc.constant('read' as const),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    thread: fc.constantFrom(undefined, ...THREADS),
  }),
  fc.record({ do: fc.constantFrom('write' as const, 'crash' as const, 'count' as const, 'count' as const) }),
)

function markAt(pos: number, { thread, highlight }: { readonly thread: string; readonly highlight: boolean }): UnreadMark {
  return {
    pos,
    eventId: `$event "${pos}"`,
    thread,
    highlight,
    ts: 1_000 + pos,
    actions: '["notify",{"set_tweak":"sound","value":"ünï\\"x"}]',
  }
}

function countsOf(marks: readonly UnreadMark[]): Map<string, UnreadCounts> {
  const threads = new Set(marks.map(({ thread }) => thread))
  return new Map(
    [...threads].map((thread) => {
      const own = marks.filter((mark) => mark.thread === thread)
      return [thread, { notifications: own.length, highlights: own.filter(({ highlight }) => highlight).length }]
    }),
  )
}

/** A user's marks over a real database, and a model of what there should be. */
class World {
  readonly #db = new NodeObjectDatabase()
  #store = this.#db.open(USER_MIGRATIONS)
  #marks = new UnreadMarks(this.#store)
  #model: UnreadMark[] = []
  #durable: UnreadMark[] = []
  #lastPos = 0

  add(mark: { readonly thread: string; readonly highlight: boolean }): void {
    this.#lastPos += 1
    this.#marks.add(ROOM, markAt(this.#lastPos, mark))
    this.#model = [...this.#model, markAt(this.#lastPos, mark)].slice(-MAX_MARKS_PER_ROOM)
  }

  take(one: Step): void {
    if (one.do === 'add') for (const mark of one.marks) this.add(mark)
    if (one.do === 'read') {
      const upTo = this.#lastPos * one.share
      const isRead = ({ pos, thread }: UnreadMark): boolean => pos <= upTo && (one.thread ?? thread) === thread
      this.#marks.remove(ROOM, isRead)
      this.#model = this.#model.filter((mark) => !isRead(mark))
    }
    if (one.do === 'write') this.write()
    if (one.do === 'crash') this.#crash()
    this.#check()
  }

  write(): void {
    this.#store.transaction(undefined, () => this.#marks.write())
    this.#marks.written()
    this.#durable = this.#model
    expect(readUnreadMarks(this.#store, ROOM)).toEqual(this.#model)
  }

  #crash(): void {
    this.#store = this.#db.open(USER_MIGRATIONS)
    this.#marks = new UnreadMarks(this.#store)
    this.#model = this.#durable
  }

  #check(): void {
    expect(new Map(this.#marks.countByThread(ROOM))).toEqual(countsOf(this.#model))
    expect(this.#marks.total).toBe(this.#model.length)
  }
}

it(
  'unread marks count as if they were counted anew each time, over reads, writes and crashes',
  () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const world = new World()
        for (const one of steps) world.take(one)
      }),
      { numRuns: propertyRuns(100) },
    )
  },
  PROPERTY_TIMEOUT_MS,
)

it('of too many marks the oldest go, from counts and database', () => {
  const world = new World()
  for (let added = 0; added < MAX_MARKS_PER_ROOM - 1; added += 1) world.add({ thread: '$a', highlight: true })
  world.take({ do: 'count' })
  world.take({ do: 'add', marks: [{ thread: 'main', highlight: false }] })
  world.take({ do: 'write' })
  world.take({ do: 'add', marks: [{ thread: 'main', highlight: false }] })
  world.take({ do: 'write' })
  world.take({ do: 'crash' })
})
