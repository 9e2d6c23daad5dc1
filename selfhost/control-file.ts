import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivateFile } from './private-file.ts'

/** How commands on the same machine reach the running server: `control.json` in the data directory, mode 600. */
export interface ControlFile {
  /** Process ID of the self-hosting program. */
  readonly pid: number
  /** Base URL of the plain listener as this machine reaches it. */
  readonly url: string
  readonly port: number
  readonly tlsPort: number | undefined
  /** Bearer token of `/_myelin/control/*`, new at every start. */
  readonly token: string
}

const NAME = 'control.json'

/** Writes the file of a server that is up. */
export async function writeControlFile(dataDir: string, control: ControlFile): Promise<void> {
  await writePrivateFile(join(dataDir, NAME), `${JSON.stringify(control, null, 2)}\n`)
}

/** Removes the file of a server that has stopped. */
export async function removeControlFile(dataDir: string): Promise<void> {
  await rm(join(dataDir, NAME), { force: true })
}

/** The file of the server that runs, or last ran, on a data directory. */
export async function readControlFile(dataDir: string): Promise<ControlFile | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(dataDir, NAME), 'utf8'))
    if (typeof parsed !== 'object' || parsed === null) return undefined
    if (!('pid' in parsed && 'url' in parsed && 'port' in parsed && 'token' in parsed)) return undefined
    const { pid, url, port, token } = parsed
    if (typeof pid !== 'number' || typeof url !== 'string' || typeof port !== 'number' || typeof token !== 'string') return undefined
    const tlsPort = 'tlsPort' in parsed && typeof parsed.tlsPort === 'number' ? parsed.tlsPort : undefined
    return { pid, url, port, tlsPort, token }
  } catch {
    return undefined
  }
}
