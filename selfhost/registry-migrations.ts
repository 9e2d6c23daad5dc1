import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Miniflare } from 'miniflare'
import { projectRoot } from './paths.ts'
import { sqlStatements } from './sql-statements.ts'
import type { WorkerConfig } from './worker-config.ts'

/** One migration of the registry: its file name (which is what is recorded) and its text. */
export interface RegistryMigration {
  readonly name: string
  readonly sql: string
}

/** The registry's migrations in order. */
export async function readRegistryMigrations(worker: WorkerConfig): Promise<readonly RegistryMigration[]> {
  const folder = join(projectRoot, worker.d1_databases[0]?.migrations_dir ?? 'migrations/d1')
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.sql')).sort()
  return await Promise.all(names.map(async (name) => ({ name, sql: await readFile(join(folder, name), 'utf8') })))
}

/**
 * Applies what is missing, each migration in a transaction together with its record, in the table that wrangler uses too.
 * Throws when the registry knows migrations that this version does not: it was written by newer code.
 */
export async function applyRegistryMigrations(
  miniflare: Miniflare,
  worker: WorkerConfig,
  migrations: readonly RegistryMigration[],
): Promise<readonly string[]> {
  const binding = worker.d1_databases[0]?.binding
  if (binding === undefined) return []
  const database = await miniflare.getD1Database(binding)
  await database
    .prepare(
      'CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
    )
    .run()
  const { results } = await database.prepare('SELECT name FROM d1_migrations ORDER BY id').all<{ name: string }>()
  const applied = new Set(results.map(({ name }) => name))
  const unknown = [...applied].filter((name) => !migrations.some((migration) => migration.name === name))
  if (unknown.length > 0)
    throw new Error(`the registry was written by a newer version of Myelin (it has ${unknown.join(', ')}): refusing to touch it`)
  const missing = migrations.filter(({ name }) => !applied.has(name))
  for (const migration of missing) {
    await database.batch([
      ...sqlStatements(migration.sql).map((statement) => database.prepare(statement)),
      database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(migration.name),
    ])
  }
  return missing.map(({ name }) => name)
}
