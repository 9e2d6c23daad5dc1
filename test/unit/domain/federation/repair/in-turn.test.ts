import { describe, expect, it } from 'vitest'
import { inTurn } from '../../../../../src/domain/federation/repair/in-turn.ts'

describe('whom to ask for a whole state', () => {
  const others = ['a', 'b', 'c', 'd', 'e', 'f']

  it('is the server that let us in first, then others than the time before', () => {
    expect(inTurn(['via', ...others], 0)).toEqual(['via', 'a', 'b', 'c', 'd'])
    expect(inTurn(['via', ...others], 1)).toEqual(['via', 'e', 'f', 'a', 'b'])
    expect(inTurn(['via', ...others], 2)).toEqual(['via', 'c', 'd', 'e', 'f'])
  })

  it('is whoever there is', () => {
    expect(inTurn(['via'], 7)).toEqual(['via'])
    expect(inTurn([], 7)).toEqual([])
  })
})
