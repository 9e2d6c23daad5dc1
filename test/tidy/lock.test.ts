import { expect, it } from 'vitest'
import { missingEntries, readLock } from '../../scripts/complete-lock.ts'

it('has locked the binaries of every platform, or "npm ci" would refuse ("node scripts/complete-lock.ts")', () => {
  expect(Object.keys(missingEntries(readLock()))).toEqual([])
})
