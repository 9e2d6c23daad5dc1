import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import type { Env } from '../../runtime/bindings.ts'
import { countCost } from '../../runtime/metrics.ts'

/** The registry, as one request or job sees it: typed queries and, for what they cannot say, prepared SQL. All of it is counted. */
export interface Registry {
  readonly db: DrizzleD1Database
  /** Prepared statements and batches. A batch is one transaction and one round trip, and counts once. */
  readonly sql: Pick<D1Database, 'prepare' | 'batch'>
}

/** Opens the registry; what it costs is counted for `requestId`. */
export function openRegistry(env: Env, requestId: string | undefined): Registry {
  const sql = new CountingDatabase(env.DB, () => countCost('d1', requestId))
  return { db: drizzle(sql), sql }
}

type Row = Record<string, unknown>

/** A D1 database that reports every round trip. */
class CountingDatabase implements Pick<D1Database, 'prepare' | 'batch' | 'exec' | 'withSession' | 'dump'> {
  readonly #database: D1Database
  readonly #count: () => void

  constructor(database: D1Database, count: () => void) {
    this.#database = database
    this.#count = count
  }

  prepare(query: string): D1PreparedStatement {
    return new CountingStatement(this.#database.prepare(query), this.#count)
  }

  batch<T = unknown>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]> {
    this.#count()
    return this.#database.batch<T>(statements.map((statement) => (statement instanceof CountingStatement ? statement.inner : statement)))
  }

  exec(query: string): Promise<D1ExecResult> {
    this.#count()
    return this.#database.exec(query)
  }

  withSession(constraint?: D1SessionBookmark | D1SessionConstraint): D1DatabaseSession {
    return this.#database.withSession(constraint)
  }

  dump(): Promise<ArrayBuffer> {
    this.#count()
    return this.#database.dump()
  }
}

/** A prepared statement that reports when it is sent. */
class CountingStatement implements D1PreparedStatement {
  readonly inner: D1PreparedStatement
  readonly #count: () => void

  constructor(inner: D1PreparedStatement, count: () => void) {
    this.inner = inner
    this.#count = count
  }

  bind(...values: unknown[]): D1PreparedStatement {
    return new CountingStatement(this.inner.bind(...values), this.#count)
  }

  first<T = unknown>(column: string): Promise<T | null>
  first<T = Row>(): Promise<T | null>
  first<T>(column?: string): Promise<T | null> {
    this.#count()
    return column === undefined ? this.inner.first<T>() : this.inner.first<T>(column)
  }

  run<T = Row>(): Promise<D1Result<T>> {
    this.#count()
    return this.inner.run<T>()
  }

  all<T = Row>(): Promise<D1Result<T>> {
    this.#count()
    return this.inner.all<T>()
  }

  raw<T = unknown[]>(options: { columnNames: true }): Promise<[string[], ...T[]]>
  raw<T = unknown[]>(options?: { columnNames?: false }): Promise<T[]>
  raw<T = unknown[]>(options?: { columnNames?: boolean }): Promise<T[] | [string[], ...T[]]> {
    this.#count()
    return options?.columnNames === true ? this.inner.raw<T>({ columnNames: true }) : this.inner.raw<T>()
  }
}
