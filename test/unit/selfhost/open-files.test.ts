import { expect, it } from 'vitest'
import { openFilesWarning } from '../../../selfhost/open-files.ts'

it('warns below 4096 open files and tells how to raise the limit', () => {
  expect(openFilesWarning(1024)).toMatch(/1024 files.*ulimit -n/)
  expect(openFilesWarning(4096)).toBeUndefined()
  expect(openFilesWarning(20_000)).toBeUndefined()
})
