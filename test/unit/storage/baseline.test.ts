import { describe, expect, it } from 'vitest'
import type { Baseline, Migration, ObjectStore } from '../../../src/storage/object-store.ts'
import { REMOTE_SERVER_BASELINE } from '../../../src/storage/remote-server/baseline.generated.ts'
import { REMOTE_SERVER_MIGRATIONS } from '../../../src/storage/remote-server/migrations.generated.ts'
import { REPAIR_BASELINE } from '../../../src/storage/repair/baseline.generated.ts'
import { REPAIR_MIGRATIONS } from '../../../src/storage/repair/migrations.generated.ts'
import { ROOM_BASELINE } from '../../../src/storage/room/baseline.generated.ts'
import { ROOM_MIGRATIONS } from '../../../src/storage/room/migrations.generated.ts'
import { USER_BASELINE } from '../../../src/storage/user/baseline.generated.ts'
import { USER_MIGRATIONS } from '../../../src/storage/user/migrations.generated.ts'
import { NodeObjectDatabase } from '../../support/node-object-store.ts'

interface SchemaEntry extends Record<string, SqlStorageValue> {
  type: string
  name: string
  tbl_name: string
  sql: string | null
}

const schemaOf = (store: ObjectStore): SchemaEntry[] =>
  store.all<SchemaEntry>('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name')
const versionOf = (store: ObjectStore) => store.first('SELECT max(version) AS version FROM schema_version')

describe.each<[name: string, migrations: readonly Migration[], baseline: Baseline]>([
  ['room', ROOM_MIGRATIONS, ROOM_BASELINE],
  ['user', USER_MIGRATIONS, USER_BASELINE],
  ['remote server', REMOTE_SERVER_MIGRATIONS, REMOTE_SERVER_BASELINE],
  ['repair', REPAIR_MIGRATIONS, REPAIR_BASELINE],
])('The schema of a new %s object', (_name, migrations, baseline) => {
  it('is what all steps make of an empty database', () => {
    const stepped = new NodeObjectDatabase().open(migrations)
    const fresh = new NodeObjectDatabase().open(migrations, baseline)
    expect(schemaOf(fresh)).toEqual(schemaOf(stepped))
    expect(versionOf(fresh)).toEqual(versionOf(stepped))
    expect(versionOf(fresh)).toEqual({ version: migrations.length })
  })

  it('leaves older databases to the steps, from wherever they are', () => {
    for (let from = 1; from < migrations.length; from += 1) {
      const database = new NodeObjectDatabase()
      const old = database.open(migrations.slice(0, from))
      expect(versionOf(old)).toEqual({ version: from })
      expect(schemaOf(database.open(migrations, baseline))).toEqual(schemaOf(new NodeObjectDatabase().open(migrations, baseline)))
    }
  })
})

it('Steps that a baseline does not have yet follow it', () => {
  const migrations: Migration[] = [
    { version: 1, name: 'one', sql: 'CREATE TABLE one (a INTEGER)' },
    { version: 2, name: 'two', sql: 'CREATE TABLE two (b INTEGER)' },
  ]
  const store = new NodeObjectDatabase().open(migrations, { version: 1, sql: 'CREATE TABLE one (a INTEGER)' })
  expect(schemaOf(store).map(({ name }) => name)).toEqual(['one', 'schema_version', 'two'])
  expect(versionOf(store)).toEqual({ version: 2 })
})
