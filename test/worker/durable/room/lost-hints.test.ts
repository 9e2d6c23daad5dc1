import { afterEach, describe, expect, it, vi } from 'vitest'
import { User } from '../../../../src/durable/user/user.ts'
import { inOneRoom } from '../../../support/parked-polls.ts'
import { ok, say } from '../../../support/room-api.ts'
import { bodiesOf, sync } from '../../../support/sync-api.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a hint that is lost with the object of the account', () => {
  it('is repeated once, so that who waits hears of it without waiting for the room to settle', async () => {
    const { alice, bob, roomId, since } = await inOneRoom()
    const here = (await sync(bob, since)).next_batch
    const hint = vi.spyOn(User.prototype, 'hint').mockImplementationOnce(() => {
      throw new Error('the object has ended')
    })
    const waiting = sync(bob, here, { timeout: 20_000 })
    ok(await say(alice, roomId, 'twice'))
    expect(bodiesOf(await waiting, roomId)).toEqual(['twice'])
    const ofBob = hint.mock.contexts.filter((user) => user instanceof User && Reflect.get(user, 'ctx').id.name === bob.userId)
    expect(ofBob).toHaveLength(2)
  })

  it('is not repeated again and again', async () => {
    const { alice, bob, roomId } = await inOneRoom()
    await sync(bob)
    const { hint: real } = User.prototype
    let lost = 0
    vi.spyOn(User.prototype, 'hint').mockImplementation(function (this: User, news) {
      if (Reflect.get(this, 'ctx').id.name !== bob.userId) return real.call(this, news)
      lost += 1
      throw new Error('the object has ended')
    })
    ok(await say(alice, roomId, 'lost'))
    await expect.poll(() => lost, { timeout: 20_000 }).toBe(2)
    // Each message is lost twice, whatever became of the one before.
    ok(await say(alice, roomId, 'lost as well'))
    await expect.poll(() => lost, { timeout: 20_000 }).toBe(4)
  })
})
