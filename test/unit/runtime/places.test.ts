import { afterEach, describe, expect, it, vi } from 'vitest'
import { Places } from '../../../src/runtime/places.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('places for work', () => {
  it('are as many as there are, and can be taken again when they are given back', () => {
    const places = new Places(2, 1_000)
    const [first, second] = [places.take(), places.take()]
    expect([typeof first, typeof second, places.take()]).toEqual(['function', 'function', undefined])
    first?.()
    first?.()
    expect([typeof places.take(), places.take()]).toEqual(['function', undefined])
  })

  it('come back by themselves when whoever took them has ended in the middle', () => {
    const places = new Places(1, 1_000)
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now)
    const lost = places.take()
    vi.mocked(Date.now).mockReturnValue(now + 1_000)
    expect(places.take()).toBeUndefined()
    vi.mocked(Date.now).mockReturnValue(now + 1_001)
    expect(places.take()).toBeTypeOf('function')
    // Who comes back late takes nobody's place away.
    lost?.()
    expect(places.take()).toBeUndefined()
  })

  it('are waited for, and not without end', async () => {
    const places = new Places(1, 60_000)
    const leave = places.take()
    expect(await places.wait(2, 1)).toBeUndefined()
    const waiting = places.wait(60_000, 1)
    leave?.()
    expect(await waiting).toBeTypeOf('function')
  })
})
