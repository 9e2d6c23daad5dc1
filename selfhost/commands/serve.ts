import { type HostConfig, readHostConfig } from '../config.ts'
import { removeControlFile, writeControlFile } from '../control-file.ts'
import { DataDir } from '../data-dir.ts'
import { openFilesWarning } from '../open-files.ts'
import type { Options } from '../options.ts'
import { logLine, say, setOutputLevel } from '../output.ts'
import { type Runtime, startRuntime } from '../runtime.ts'

/** How long requests in flight may take to finish once the server is told to stop, in milliseconds. */
const DRAIN_TIMEOUT_MS = 5000

/** A server that is up. */
export interface RunningServer {
  readonly config: HostConfig
  readonly runtime: Runtime
  /** Lets requests finish, within a bound, then stops. Safe to call twice. */
  stop(): Promise<void>
}

/** Starts the server; answers when it accepts requests. */
export async function startServer(config: HostConfig, options: Options): Promise<RunningServer> {
  setOutputLevel(config.logLevel)
  for (const warning of [...config.warnings, openFilesWarning()]) if (warning !== undefined) logLine('warn', warning)
  const dataDir = await DataDir.open(config.dataDir)
  try {
    const runtime = await startRuntime(config, dataDir, options.bundle)
    await writeControlFile(dataDir.path, {
      pid: process.pid,
      url: runtime.url,
      port: runtime.port,
      tlsPort: undefined,
      token: runtime.controlToken,
    })
    let stopping: Promise<void> | undefined
    const stop = async (): Promise<void> => {
      await drain(runtime)
      await runtime.miniflare.dispose()
      await removeControlFile(dataDir.path)
      dataDir.close()
    }
    return { config, runtime, stop: () => (stopping ??= stop()) }
  } catch (cause) {
    dataDir.close()
    throw cause
  }
}

/** Tells the Worker to answer waiting polls and to finish what it has begun; answers when it has, or when the time is up. */
async function drain(runtime: Runtime): Promise<void> {
  await fetch(`${runtime.url}/_myelin/control/drain`, {
    method: 'POST',
    headers: { authorization: `Bearer ${runtime.controlToken}` },
    signal: AbortSignal.timeout(DRAIN_TIMEOUT_MS),
  }).catch((cause: unknown) => logLine('warn', `stopping without having drained: ${String(cause)}`))
}

/** `npm start`: serves until SIGTERM, SIGINT or the end of the parent that asked to be followed. */
export async function serve(options: Options): Promise<void> {
  const config = await readHostConfig({ env: process.env, file: options.config, cwd: process.cwd() })
  const server = await startServer(config, options)
  say(`Myelin serves ${config.serverName} on ${server.runtime.url}`)
  await untilToldToStop()
  await server.stop()
  process.exit(0)
}

/** Resolves at the first SIGTERM, SIGINT, SIGHUP, or loss of the bootstrap that started this program. */
async function untilToldToStop(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      // Miniflare would exit at once on these.
      process.removeAllListeners(signal)
      process.on(signal, () => resolve())
    }
    if (process.channel !== undefined) {
      process.removeAllListeners('message')
      process.once('disconnect', () => resolve())
    }
  })
}
