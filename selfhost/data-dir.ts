import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { readControlFile } from './control-file.ts'
import { writePrivateFile } from './private-file.ts'

/** Layout of the data directory that this version writes. Raised when files move; older ones are then brought up to date here. */
export const LAYOUT_VERSION = 1

/** A problem with the data directory that its operator has to solve. */
export class DataDirError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DataDirError'
  }
}

/** What `version.json` holds. */
interface LayoutFile {
  readonly layout: number
  /** Whose data this is. Every ID in it ends in this name, so it can never change. */
  readonly serverName: string
  /** Registry migrations known to be applied: a hint that saves a start of its own; the registry itself decides. */
  readonly registryMigrations: readonly string[]
}

/** A data directory that this process alone uses until it is closed or the process ends, however that happens. */
export class DataDir {
  readonly path: string
  readonly #serverName: string
  readonly #lock: DatabaseSync

  private constructor(path: string, serverName: string, lock: DatabaseSync) {
    this.path = path
    this.#serverName = serverName
    this.#lock = lock
  }

  /**
   * Opens or creates the directory of a server. Throws {@link DataDirError} when another process has it, a newer version wrote it, or it
   * belongs to a server of another name.
   */
  static async open(path: string, serverName: string): Promise<DataDir> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 })
      await chmod(path, 0o700)
    } catch (cause) {
      throw new DataDirError(`the data directory ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
    const lock = await takeLock(path)
    const dataDir = new DataDir(path, serverName, lock)
    try {
      await dataDir.#checkLayout()
    } catch (cause) {
      dataDir.close()
      throw cause
    }
    return dataDir
  }

  /** A file or folder inside. */
  file(name: string): string {
    return join(this.path, name)
  }

  /** Names of registry migrations that earlier starts have applied. */
  async knownRegistryMigrations(): Promise<readonly string[]> {
    return (await this.#readLayout())?.registryMigrations ?? []
  }

  /** Notes which registry migrations are applied. */
  async noteRegistryMigrations(names: readonly string[]): Promise<void> {
    const layout: LayoutFile = { layout: LAYOUT_VERSION, serverName: this.#serverName, registryMigrations: names }
    await writePrivateFile(this.file('version.json'), `${JSON.stringify(layout, null, 2)}\n`)
  }

  /** Lets another process use the directory. */
  close(): void {
    this.#lock.close()
  }

  async #readLayout(): Promise<LayoutFile | undefined> {
    const text = await readFile(this.file('version.json'), 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null || !('layout' in parsed) || typeof parsed.layout !== 'number') {
      throw new DataDirError(`${this.file('version.json')} is damaged`)
    }
    const names = 'registryMigrations' in parsed && Array.isArray(parsed.registryMigrations) ? parsed.registryMigrations : []
    const serverName = 'serverName' in parsed && typeof parsed.serverName === 'string' ? parsed.serverName : this.#serverName
    return { layout: parsed.layout, serverName, registryMigrations: names.filter((name) => typeof name === 'string') }
  }

  async #checkLayout(): Promise<void> {
    const layout = await this.#readLayout()
    if (layout === undefined) return await this.noteRegistryMigrations([])
    if (layout.layout > LAYOUT_VERSION) {
      throw new DataDirError(
        `${this.path} was written by a newer version of Myelin (layout ${layout.layout}, this one knows ${LAYOUT_VERSION}): refusing to touch it`,
      )
    }
    if (layout.serverName !== this.#serverName) {
      throw new DataDirError(
        `${this.path} holds the data of ${layout.serverName}, but MYELIN_SERVER_NAME is ${this.#serverName}. ` +
          'A server cannot be renamed: set the name back, or choose another MYELIN_DATA_DIR',
      )
    }
  }
}

/** Takes the kernel's lock on `lock`. It ends with this process, also by SIGKILL, so a lock can never be stale. */
async function takeLock(path: string): Promise<DatabaseSync> {
  const lock = new DatabaseSync(join(path, 'lock'))
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock.close()
    const holder = await readControlFile(path)
    const who = holder === undefined ? 'another process' : `process ${holder.pid}`
    if (cause instanceof Error && /locked|busy/i.test(cause.message))
      throw new DataDirError(`the data directory ${path} is in use by ${who}`)
    throw new DataDirError(`the data directory ${path} cannot be locked: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
