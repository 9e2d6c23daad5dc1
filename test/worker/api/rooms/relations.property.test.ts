import fc from 'fast-check'
import { expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { endObject } from '../../../support/crash-worker.ts'
import {
  type Bundle,
  edit,
  idsOf,
  ignore,
  relating,
  relations,
  type SeenEvent,
  send,
  text,
  threads,
  trySend,
} from '../../../support/relations.ts'
import { createRoom, enc, join, leave, ok, people, redact } from '../../../support/room-api.ts'

/*
 * /relations, /threads and bundled aggregations against a model that is nothing but the rules of the specification, over scripts of messages, edits, replies,
 * references, annotations, redactions, leaves and joins, for readers who are in the room, who left it, and who ignore somebody (R1, R2, R4).
 */

const SEED = 20_263
const RUNS = 20
const MIN_STEPS = 15
const MAX_STEPS = 40

const RELATIONS = ['m.thread', 'm.reference', 'm.replace', 'm.annotation'] as const
type RelType = (typeof RELATIONS)[number]

/** A step of a script; `at` picks one of the events so far, `who` one of the people. */
type Step =
  | { readonly do: 'say'; readonly who: number }
  | {
      readonly do: 'relate'
      readonly who: number
      readonly at: number
      readonly as: RelType
      readonly valid: boolean
      readonly own: boolean
    }
  | { readonly do: 'redact'; readonly at: number }
  | { readonly do: 'come or go'; readonly who: number }
  | { readonly do: 'end room' }

/** Mostly the first events, so that much relates to the same. */
const at = fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(1_000) })
const who = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('say' as const), who }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('relate' as const),
      who,
      at,
      as: fc.constantFrom(...RELATIONS),
      valid: fc.boolean(),
      own: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('redact' as const), at: fc.nat(1_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('come or go' as const), who }) },
  { weight: 1, arbitrary: fc.constant({ do: 'end room' as const }) },
)

interface Said {
  readonly id: string
  readonly sender: string
  readonly type: string
  relation: { readonly type: RelType; readonly target: string } | undefined
  /** Has what an edit needs. */
  readonly isEdit: boolean
  redacted: boolean
}

/** Everything that was said, in order, and up to where whoever is out was there. */
class Model {
  readonly said: Said[] = []
  readonly leftAt = new Map<string, number>()
  readonly originTs = new Map<string, number>()

  find(id: string): Said | undefined {
    return this.said.find((event) => event.id === id)
  }

  sees(reader: string, event: Said, ignored: readonly string[]): boolean {
    return this.said.indexOf(event) < (this.leftAt.get(reader) ?? Number.POSITIVE_INFINITY) && !ignored.includes(event.sender)
  }

  /** Oldest first. */
  children(reader: string, parent: string, ignored: readonly string[], type?: RelType): Said[] {
    const related = this.said.filter(({ relation }) => relation?.target === parent && (type === undefined || relation.type === type))
    return related.filter((event) => this.sees(reader, event, ignored))
  }

  /** To a depth of three, each step to what is there; oldest first. */
  descendants(reader: string, parent: string, ignored: readonly string[]): Said[] {
    const found = new Set<Said>()
    let level = [parent]
    for (let depth = 0; depth < 3; depth += 1) {
      const next = this.said.filter(({ relation }) => relation !== undefined && level.includes(relation.target))
      for (const event of next) found.add(event)
      level = next.map(({ id }) => id)
    }
    return this.said.filter((event) => found.has(event) && this.sees(reader, event, ignored))
  }

  bundle(reader: string, event: Said, ignored: readonly string[], withThread = true): unknown {
    if (event.relation?.type === 'm.replace' || event.relation?.type === 'm.annotation') return undefined
    const edits = this.children(reader, event.id, ignored, 'm.replace').filter((child) => this.#replaces(event, child))
    const latest = edits.sort((left, right) => this.#recency(left, right)).at(-1)
    const references = this.children(reader, event.id, ignored, 'm.reference').map(({ id }) => ({ event_id: id }))
    const thread = withThread ? this.thread(reader, event, ignored) : undefined
    const parts = {
      ...(latest === undefined ? {} : { 'm.replace': latest.id }),
      ...(references.length === 0 ? {} : { 'm.reference': references }),
      ...(thread === undefined ? {} : { 'm.thread': thread }),
    }
    return Object.keys(parts).length === 0 ? undefined : parts
  }

  thread(reader: string, root: Said, ignored: readonly string[]) {
    if (root.relation !== undefined) return undefined
    const replies = this.children(reader, root.id, ignored, 'm.thread')
    const latest = replies.at(-1)
    if (latest === undefined) return undefined
    return {
      latest: latest.id,
      bundle: this.bundle(reader, latest, ignored, false),
      count: replies.length,
      participated: this.takesPart(reader, root),
    }
  }

  takesPart(reader: string, root: Said): boolean {
    return root.sender === reader || this.children(reader, root.id, [], 'm.thread').some(({ sender }) => sender === reader)
  }

  /** Roots by what is latest in their threads, the latest first. */
  threads(reader: string, ignored: readonly string[]): Said[] {
    const latest = (root: Said): number => this.said.indexOf(this.children(reader, root.id, ignored, 'm.thread').at(-1) ?? root)
    const roots = this.said.filter((event) => this.sees(reader, event, []) && this.thread(reader, event, ignored) !== undefined)
    return roots.sort((left, right) => latest(right) - latest(left))
  }

  #replaces(event: Said, child: Said): boolean {
    return !event.redacted && child.isEdit && child.sender === event.sender && child.type === event.type
  }

  #recency(left: Said, right: Said): number {
    const byTime = (this.originTs.get(left.id) ?? 0) - (this.originTs.get(right.id) ?? 0)
    return byTime === 0 ? (left.id < right.id ? -1 : 1) : byTime
  }
}

interface Scene {
  readonly people: readonly TestSession[]
  readonly roomId: string
  readonly model: Model
}

/** The content of a related event; `valid` ones are edits that count, the others miss something. */
function contentOf(type: RelType, target: string, valid: boolean) {
  if (type === 'm.replace') return valid ? edit(target, 'better') : relating(type, target)
  return relating(type, target, text(type), type === 'm.annotation' ? { key: valid ? '👍' : '👎' } : {})
}

async function relate({ people, roomId, model }: Scene, step: Extract<Step, { do: 'relate' }>): Promise<void> {
  const target = model.said[step.at % Math.max(1, model.said.length)]
  const author = step.own ? people.find(({ userId }) => userId === target?.sender) : undefined
  const sender = author ?? (people[step.who] as TestSession)
  if (target === undefined || model.leftAt.has(sender.userId)) return
  const content = contentOf(step.as, target.id, step.valid)
  const answer = await trySend(sender, roomId, content)
  const isNested = step.as === 'm.thread' && target.relation !== undefined
  const isRepeated =
    step.as === 'm.annotation' &&
    model.said.some(
      ({ relation, sender: other, isEdit }) =>
        relation?.type === 'm.annotation' && relation.target === target.id && other === sender.userId && isEdit === step.valid,
    )
  if (isNested || isRepeated) {
    expect(answer.status).toBe(400)
    return
  }
  const relation = { type: step.as, target: target.id }
  // For annotations the flag tells the keys apart.
  model.said.push({
    id: ok(answer).body.event_id,
    sender: sender.userId,
    type: 'm.room.message',
    relation,
    isEdit: step.valid,
    redacted: false,
  })
}

async function perform(scene: Scene, step: Step): Promise<void> {
  const { people, roomId, model } = scene
  const [alice] = people as [TestSession]
  switch (step.do) {
    case 'say': {
      const sender = people[step.who] as TestSession
      if (model.leftAt.has(sender.userId)) return
      const id = await send(sender, roomId, text('hello'))
      model.said.push({ id, sender: sender.userId, type: 'm.room.message', relation: undefined, isEdit: false, redacted: false })
      return
    }
    case 'relate':
      return relate(scene, step)
    case 'redact': {
      const target = model.said[step.at % Math.max(1, model.said.length)]
      if (target === undefined || target.redacted) return
      ok(await redact(alice, roomId, target.id))
      target.redacted = true
      target.relation = undefined
      return
    }
    case 'come or go': {
      const person = people[step.who] as TestSession
      if (person === alice) return
      if (model.leftAt.delete(person.userId)) {
        ok(await join(person, roomId))
        return
      }
      ok(await leave(person, roomId))
      model.leftAt.set(person.userId, model.said.length)
      return
    }
    default:
      await endObject('room', roomId)
  }
}

/** A bundle as the model says it. */
function asModel(bundle: Bundle | undefined): unknown {
  if (bundle === undefined) return undefined
  const { 'm.replace': replace, 'm.reference': reference, 'm.thread': thread } = bundle
  return {
    ...(replace === undefined ? {} : { 'm.replace': replace.event_id }),
    ...(reference === undefined ? {} : { 'm.reference': reference.chunk }),
    ...(thread === undefined
      ? {}
      : {
          'm.thread': {
            latest: thread.latest_event.event_id,
            bundle: asModel(thread.latest_event.unsigned['m.relations']),
            count: thread.count,
            participated: thread.current_user_participated,
          },
        }),
  }
}

async function allThreads(reader: TestSession, roomId: string, include: string): Promise<string[]> {
  const read: string[] = []
  for (let from: string | undefined, pages = 0; pages < 50; pages += 1) {
    const answer = await threads(reader, roomId, { include, limit: '1', ...(from === undefined ? {} : { from }) })
    read.push(...idsOf(answer))
    from = answer.body.next_batch
    if (from === undefined) break
  }
  return read
}

async function compare({ roomId, model }: Scene, reader: TestSession, ignored: readonly string[]): Promise<void> {
  const { userId, token } = reader
  const { chunk } = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=500`, { token })).body
  const shown = new Map<string, SeenEvent>(chunk.map((event: SeenEvent) => [event.event_id, event]))
  for (const event of model.said) {
    const isSeen = model.sees(userId, event, ignored)
    expect(shown.has(event.id)).toBe(isSeen)
    const answer = await relations(reader, roomId, event.id)
    if (!model.sees(userId, event, [])) {
      expect(answer.status).toBe(404)
      continue
    }
    expect(idsOf(answer)).toEqual(
      model
        .children(userId, event.id, ignored)
        .reverse()
        .map(({ id }) => id),
    )
    if (isSeen) expect(asModel(shown.get(event.id)?.unsigned['m.relations'])).toEqual(model.bundle(userId, event, ignored))
  }
  const [first] = model.said
  if (first !== undefined && model.sees(userId, first, [])) {
    const recursed = idsOf(await relations(reader, roomId, first.id, '', { recurse: 'true', dir: 'f', limit: '100' }))
    expect(recursed).toEqual(model.descendants(userId, first.id, ignored).map(({ id }) => id))
  }
  const roots = model.threads(userId, ignored)
  expect(await allThreads(reader, roomId, 'all')).toEqual(roots.map(({ id }) => id))
  expect(await allThreads(reader, roomId, 'participated')).toEqual(
    roots.filter((root) => model.takesPart(userId, root)).map(({ id }) => id),
  )
}

it('everybody sees of relations what the specification says, whatever happens in whatever order', { timeout: 240_000 }, async () => {
  const [alice, bob, carol] = (await people(3)) as [TestSession, TestSession, TestSession]
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: MIN_STEPS, maxLength: MAX_STEPS, size: 'max' }), async (steps) => {
      const roomId = await createRoom(alice, { preset: 'public_chat' })
      for (const person of [bob, carol]) ok(await join(person, roomId))
      const model = new Model()
      const scene = { people: [alice, bob, carol], roomId, model }
      for (const index of [0, 1, 2]) await perform(scene, { do: 'say', who: index })
      for (const next of steps) await perform(scene, next)
      const { chunk } = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=500`, { token: alice.token })).body
      for (const event of chunk) model.originTs.set(event.event_id, event.origin_server_ts)
      for (const reader of [alice, bob]) await compare(scene, reader, [])
      await ignore(alice, carol.userId)
      await compare(scene, alice, [carol.userId])
      await ignore(alice)
    }),
    { seed: SEED, numRuns: RUNS },
  )
})
