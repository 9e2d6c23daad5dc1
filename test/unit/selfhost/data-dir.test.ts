import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { DataDir, LAYOUT_VERSION } from '../../../selfhost/data-dir.ts'

const newPath = async () => join(await mkdtemp(join(tmpdir(), 'myelin-data-')), 'data')

it('is created for its owner only, and remembers what it was told', async () => {
  const path = await newPath()
  const dataDir = await DataDir.open(path, 'a.example')
  expect((await stat(path)).mode & 0o777).toBe(0o700)
  await dataDir.noteRegistryMigrations(['0001_a.sql'])
  dataDir.close()
  const again = await DataDir.open(path, 'a.example')
  expect(await again.knownRegistryMigrations()).toEqual(['0001_a.sql'])
  again.close()
})

it('belongs to one opener at a time', async () => {
  const path = await newPath()
  const dataDir = await DataDir.open(path, 'a.example')
  await expect(DataDir.open(path, 'a.example')).rejects.toThrow('is in use by')
  dataDir.close()
  const next = await DataDir.open(path, 'a.example')
  next.close()
})

it('refuses what a newer version wrote, and leaves it as it is', async () => {
  const path = await newPath()
  const first = await DataDir.open(path, 'a.example')
  first.close()
  const newer = JSON.stringify({ layout: LAYOUT_VERSION + 1, serverName: 'a.example' })
  await writeFile(join(path, 'version.json'), newer)
  await expect(DataDir.open(path, 'a.example')).rejects.toThrow('newer version')
  expect(await readFile(join(path, 'version.json'), 'utf8')).toBe(newer)
})

it('refuses to serve its data under another server name', async () => {
  const path = await newPath()
  const first = await DataDir.open(path, 'a.example')
  first.close()
  await expect(DataDir.open(path, 'b.example')).rejects.toThrow('holds the data of a.example')
})

it('says so when it cannot be created', async () => {
  const file = await newPath()
  await writeFile(file, '')
  await expect(DataDir.open(join(file, 'data'), 'a.example')).rejects.toThrow('cannot be used')
})
