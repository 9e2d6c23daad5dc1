import type { HostConfig } from './config.ts'
import { removeControlFile, writeControlFile } from './control-file.ts'
import { DataDir } from './data-dir.ts'
import { watchHealth } from './health.ts'
import { keepHouse } from './housekeeping.ts'
import { openFilesWarning } from './open-files.ts'
import type { Options } from './options.ts'
import { logLine, setOutputLevel } from './output.ts'
import { type Runtime, startRuntime } from './runtime.ts'
import { listenTls, type TlsListener } from './tls-listener.ts'

/** How long requests in flight may take to finish once the server is told to stop, in milliseconds. */
const DRAIN_TIMEOUT_MS = 5000

/** A server that is up. */
export interface Server {
  readonly runtime: Runtime
  readonly dataDir: DataDir
  readonly tlsPort: number | undefined
  /** Lets requests finish, within a bound, then stops. */
  stop(): Promise<void>
}

/** Starts the server; answers when it accepts requests. Nothing of it is left running when it throws. */
export async function startServer(config: HostConfig, options: Options): Promise<Server> {
  setOutputLevel(config.logLevel)
  for (const warning of [...config.warnings, openFilesWarning()]) if (warning !== undefined) logLine('warn', warning)
  const dataDir = await DataDir.open(config.dataDir, config.serverName)
  try {
    const runtime = await startRuntime(config, dataDir, options.bundle)
    try {
      return await startListeners(config, dataDir, runtime)
    } catch (cause) {
      await runtime.miniflare.dispose()
      throw cause
    }
  } catch (cause) {
    dataDir.close()
    throw cause
  }
}

async function startListeners(config: HostConfig, dataDir: DataDir, runtime: Runtime): Promise<Server> {
  const upstream = { host: new URL(runtime.url).hostname.replace(/^\[|\]$/g, ''), port: runtime.port, controlToken: runtime.controlToken }
  const tls = config.tls === undefined ? undefined : await listenTls(config.bind, config.tls, upstream)
  await writeControlFile(dataDir.path, {
    pid: process.pid,
    url: runtime.url,
    port: runtime.port,
    tlsPort: tls?.port,
    token: runtime.controlToken,
  })
  const stopWatching = watchHealth(runtime.url)
  const stopHousekeeping = keepHouse(runtime.url, runtime.controlToken)
  const stop = async (): Promise<void> => {
    stopWatching()
    stopHousekeeping()
    await drain(runtime, tls)
    await tls?.close()
    await runtime.miniflare.dispose()
    await removeControlFile(dataDir.path)
    dataDir.close()
  }
  return { runtime, dataDir, tlsPort: tls?.port, stop }
}

/**
 * Tells the Worker to answer waiting polls and to finish what it has begun; answers when it has, or when the time is up. Until then other servers can look up the
 * keys that they need for what they are being sent.
 */
async function drain(runtime: Runtime, tls: TlsListener | undefined): Promise<void> {
  tls?.refuseRequests()
  try {
    const response = await fetch(`${runtime.url}/_myelin/control/drain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${runtime.controlToken}` },
      signal: AbortSignal.timeout(DRAIN_TIMEOUT_MS),
    })
    if (!response.ok) logLine('warn', `stopping without having drained: the Worker answered ${response.status}`)
  } catch (cause) {
    logLine('warn', `stopping without having drained: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
