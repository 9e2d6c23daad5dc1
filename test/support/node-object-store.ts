import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { type Baseline, type Migration, ObjectStore } from '../../src/storage/object-store.ts'

/** A real SQLite database that outlives the objects opened on it, for tests of object storage outside workerd. */
export class NodeObjectDatabase {
  readonly #db = new DatabaseSync(':memory:')
  #depth = 0
  /** Transactions that were committed. */
  commits = 0

  /** Another life of the object: nothing in memory, the same database. */
  open(migrations: readonly Migration[], baseline?: Baseline): ObjectStore {
    const sql = { exec: (query: string, ...values: unknown[]) => this.#exec(query, values) }
    const storage = { sql, transactionSync: <T>(body: () => T): T => this.#transaction(body) }
    const store = new ObjectStore(storage as object as DurableObjectStorage, migrations, baseline)
    if (!store.exists()) store.migrate()
    return store
  }

  #exec(query: string, values: unknown[]): object {
    if (values.length === 0 && !/^\s*(SELECT|INSERT|UPDATE|DELETE)/i.test(query)) {
      this.#db.exec(query)
      return { toArray: () => [], next: () => ({ done: true }), rowsWritten: 0 }
    }
    const rows = this.#db.prepare(query).all(...(values as SQLInputValue[]))
    return {
      toArray: () => rows,
      one: () => rows[0],
      next: () => (rows.length === 0 ? { done: true } : { done: false, value: rows[0] }),
      rowsWritten: 1,
    }
  }

  #transaction<T>(body: () => T): T {
    const name = `level_${this.#depth}`
    this.#depth += 1
    this.#db.exec(`SAVEPOINT ${name}`)
    try {
      const result = body()
      this.#db.exec(`RELEASE ${name}`)
      if (this.#depth === 1) this.commits += 1
      return result
    } catch (cause) {
      this.#db.exec(`ROLLBACK TO ${name}; RELEASE ${name}`)
      throw cause
    } finally {
      this.#depth -= 1
    }
  }
}
