import { countCost, countRowsWritten } from '../runtime/metrics.ts'

/** One step of a schema: numbered from 1, append-only, small enough for one transaction. */
export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** The schema that all steps up to a version make of an empty database, as plain statements: new objects take this instead, in a third of the time. */
export interface Baseline {
  readonly version: number
  readonly sql: string
}

/** A value that SQLite stores. */
export type SqlValue = string | number | null | ArrayBuffer | Uint8Array

/** Thrown when a database was written by newer code than this: refusing is the only safe answer. */
export class NewerSchemaError extends Error {
  constructor(found: number, known: number) {
    super(`this object's database has schema ${found}, newer than ${known}: refusing to touch it`)
    this.name = 'NewerSchemaError'
  }
}

/**
 * The SQLite database of one object. Creating it reads and writes nothing; `exists` reads; only `migrate` creates a schema,
 * so that an object named by mistake stays empty. Every top-level transaction is one commit and is counted.
 */
export class ObjectStore {
  readonly sql: SqlStorage
  readonly #storage: DurableObjectStorage
  readonly #migrations: readonly Migration[]
  readonly #baseline: Baseline | undefined
  #version: number | undefined
  #depth = 0
  #wrote = false
  #statements = 0
  readonly #rollbackHooks: (() => void)[] = []

  constructor(storage: DurableObjectStorage, migrations: readonly Migration[], baseline?: Baseline) {
    this.#storage = storage
    this.sql = storage.sql
    this.#migrations = migrations
    this.#baseline = baseline
  }

  /** Whether a schema was ever created here. Brings an older schema up to date. */
  exists(): boolean {
    if (this.#version === undefined) {
      const tables = this.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'").toArray()
      if (tables.length === 0) return false
      const row = this.sql.exec<{ version: number }>('SELECT max(version) AS version FROM schema_version').one()
      this.#version = row.version
    }
    if (this.#version < this.#migrations.length) this.migrate()
    if (this.#version > this.#migrations.length) throw new NewerSchemaError(this.#version, this.#migrations.length)
    return true
  }

  /** Applies what is missing of the schema, one transaction for all pending steps. A new database starts with the baseline. */
  migrate(): void {
    let version = this.#version ?? 0
    if (version >= this.#migrations.length) return
    this.transaction(undefined, () => {
      this.#wrote = true
      if (version === 0) {
        this.sql.exec('CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL)')
        if (this.#baseline !== undefined) version = this.#applyBaseline(this.#baseline)
      }
      for (const migration of this.#migrations.slice(version)) {
        this.sql.exec(migration.sql)
        this.sql.exec('INSERT INTO schema_version (version, name) VALUES (?, ?)', migration.version, migration.name)
        version = migration.version
      }
    })
    this.#version = version
  }

  #applyBaseline(baseline: Baseline): number {
    this.sql.exec(baseline.sql)
    this.sql.exec('INSERT INTO schema_version (version, name) VALUES (?, ?)', baseline.version, 'baseline')
    return baseline.version
  }

  /** Calls `hook` whenever a transaction or savepoint is rolled back: what memory holds of it may never have been. */
  onRollback(hook: () => void): void {
    this.#rollbackHooks.push(hook)
  }

  /** Runs `body` atomically: all of its writes or, if it throws, none. Nested calls are savepoints of the outer one. */
  transaction<T>(requestId: string | undefined, body: () => T): T {
    if (this.#depth === 0) this.#wrote = false
    this.#depth += 1
    const version = this.#version
    try {
      return this.#storage.transactionSync(body)
    } catch (cause) {
      // A schema that was made inside has gone with the rest.
      this.#version = version
      for (const hook of this.#rollbackHooks) hook()
      throw cause
    } finally {
      this.#depth -= 1
      // A transaction that wrote nothing costs no commit.
      if (this.#depth === 0 && this.#wrote) countCost('commit', requestId)
    }
  }

  /** Statements run through {@link run} so far: unchanged means that nothing was written meanwhile. */
  get writeStatements(): number {
    return this.#statements
  }

  /** All rows of a query. Bound the query: this reads them into memory. */
  all<Row extends Record<string, SqlStorageValue>>(query: string, ...values: SqlValue[]): Row[] {
    return this.sql.exec<Row>(query, ...values).toArray()
  }

  /** The first row of a query, or `undefined`. */
  first<Row extends Record<string, SqlStorageValue>>(query: string, ...values: SqlValue[]): Row | undefined {
    const next = this.sql.exec<Row>(query, ...values).next()
    return next.done ? undefined : next.value
  }

  /** Executes one statement that writes and answers rows (`RETURNING`). */
  returning<Row extends Record<string, SqlStorageValue>>(query: string, ...values: SqlValue[]): Row[] {
    const cursor = this.sql.exec<Row>(query, ...values)
    const rows = cursor.toArray()
    countRowsWritten(cursor.rowsWritten)
    if (cursor.rowsWritten > 0) this.#wrote = true
    this.#statements += 1
    return rows
  }

  /** Executes a statement that writes; answers how many rows it wrote (index entries included). */
  run(query: string, ...values: SqlValue[]): number {
    const cursor = this.sql.exec(query, ...values)
    const written = cursor.rowsWritten
    countRowsWritten(written)
    this.#wrote = true
    this.#statements += 1
    return written
  }
}
