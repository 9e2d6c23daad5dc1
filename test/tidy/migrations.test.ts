import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { generateAll } from '../../scripts/generate.ts'
import { isUpToDate } from '../../scripts/generated-file.ts'
import { sqlStatements } from '../../selfhost/sql-statements.ts'
import published from './published-migrations.json' with { type: 'json' }
import { root } from './sources.ts'

/** Path → SHA-256 of each migration that a release has applied somewhere. Entries are only ever added. */
const checksums: Readonly<Record<string, string>> = published
const series = readdirSync(join(root, 'migrations'))
const filesOf = (name: string): string[] => readdirSync(join(root, 'migrations', name)).sort()
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

it('has committed every generated file as it would be generated now ("npm run generate")', () => {
  expect(
    generateAll()
      .filter((file) => !isUpToDate(file))
      .map(({ path }) => path),
  ).toEqual([])
})

it('has left migrations alone once they were published', () => {
  const changed = Object.entries(checksums).filter(
    ([path, sha256]) => !existsSync(join(root, path)) || createHash('sha256').update(textOf(path)).digest('hex') !== sha256,
  )
  expect(changed.map(([path]) => path)).toEqual([])
})

describe.each(series)('migrations/%s', (name) => {
  it('is numbered without gaps', () => {
    const numbers = filesOf(name).map((file) => /^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1])
    expect(numbers).toEqual(filesOf(name).map((_, index) => String(index + 1).padStart(4, '0')))
  })

  it('holds statements that can be applied one by one', () => {
    for (const file of filesOf(name)) expect(sqlStatements(textOf(`migrations/${name}/${file}`)).length).toBeGreaterThan(0)
  })
})
