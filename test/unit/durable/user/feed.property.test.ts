import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Membership } from '../../../../src/matrix/membership.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../../support/property-runs.ts'
import { FeedWorld, type Token } from './feed-world.ts'

type Step =
  | { readonly kind: 'post'; readonly room: number; readonly gap: number }
  | { readonly kind: 'hint'; readonly room: number }
  | { readonly kind: 'change'; readonly room: number; readonly membership: Membership; readonly delivered: 'now' | 'twice' | 'later' }
  | { readonly kind: 'notices'; readonly room: number }
  | { readonly kind: 'settle'; readonly room: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'crash' }
  | { readonly kind: 'restore'; readonly room: number }
  | { readonly kind: 'sync'; readonly device: number; readonly arrives: boolean }
  | { readonly kind: 'replay'; readonly device: number; readonly token: number }

const ROOMS = 3
const DEVICES = 2
const room = fc.nat(ROOMS - 1)
const device = fc.nat(DEVICES - 1)
const calm: fc.WeightedArbitrary<Step>[] = [
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('post' as const), room, gap: fc.nat(2) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('hint' as const), room }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      room,
      membership: fc.constantFrom<Membership>('join', 'join', 'leave', 'invite', 'ban'),
      delivered: fc.constantFrom('now' as const, 'twice' as const, 'later' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('notices' as const), room }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const), room }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('sync' as const), device, arrives: fc.constantFrom(true, true, true, false) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replay' as const), device, token: fc.nat(50) }) },
]
const stormy: fc.WeightedArbitrary<Step>[] = [
  ...calm,
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const), room }) },
]

function play(world: FeedWorld, steps: readonly Step[]): (Token | undefined)[] {
  const held: (Token | undefined)[] = Array.from({ length: DEVICES })
  for (const step of steps) {
    switch (step.kind) {
      case 'post':
        world.post(world.room(step.room), step.gap)
        break
      case 'hint':
        world.hint(world.room(step.room))
        break
      case 'change':
        world.change(world.room(step.room), step.membership)
        if (step.delivered !== 'later') world.deliverNotices(world.room(step.room), step.delivered === 'twice')
        break
      case 'notices':
        world.deliverNotices(world.room(step.room), false)
        break
      case 'settle':
        world.settle(world.room(step.room))
        break
      case 'flush':
        world.feed.flush()
        break
      case 'crash':
        world.crash()
        break
      case 'restore':
        world.restore(world.room(step.room))
        break
      case 'sync': {
        const token = world.sync(held[step.device])
        if (step.arrives) held[step.device] = token
        break
      }
      case 'replay':
        if (world.tokens.length > 0) held[step.device] = world.sync(world.tokens[step.token % world.tokens.length])
        break
    }
  }
  return held
}

describe('the feed against a model of rooms and clients', () => {
  it('delivers every position at least once to every device and every token ever issued, over crashes, lost hints and pruning', {
    timeout: PROPERTY_TIMEOUT_MS,
  }, () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...stormy), { minLength: 5, maxLength: 80, size: 'max' }), (steps) => {
        const world = new FeedWorld(ROOMS)
        play(world, steps)
        world.quiesce()
        const issued = [undefined, ...world.tokens]
        for (const token of issued) world.checkComplete(world.sync(token).view)
        world.crash()
        for (const token of issued) world.checkComplete(world.sync(token).view)
      }),
      { numRuns: propertyRuns(1000, 20) },
    )
  })

  it('delivers exactly once to clients that follow their tokens while nothing crashes', { timeout: PROPERTY_TIMEOUT_MS }, () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...calm), { minLength: 5, maxLength: 80, size: 'max' }), (steps) => {
        const world = new FeedWorld(ROOMS, { maxEntries: 1000, pruneSlack: 10, maxBoots: 3 })
        play(world, steps)
        world.quiesce()
        for (const token of [undefined, ...world.tokens]) world.checkComplete(world.sync(token).view)
        expect(world.repeated).toBe(0)
      }),
      { numRuns: propertyRuns(600, 20) },
    )
  })

  it('delivers exactly once when the object only goes after everything was written', { timeout: PROPERTY_TIMEOUT_MS }, () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(...stormy.filter((_, index) => index !== stormy.length - 1)), { maxLength: 60, size: 'max' }),
        (steps) => {
          const world = new FeedWorld(ROOMS, { maxEntries: 1000, pruneSlack: 10, maxBoots: 100 })
          play(
            world,
            steps.flatMap((step): Step[] => (step.kind === 'crash' ? [{ kind: 'flush' }, step] : [step])),
          )
          expect(world.repeated).toBe(0)
        },
      ),
      { numRuns: propertyRuns(600, 20) },
    )
  })
})
