import { type HostConfig, readHostConfig } from '../config.ts'
import type { Options } from '../options.ts'
import { say } from '../output.ts'
import { type Server, startServer } from '../server.ts'
import { untilToldToStop } from '../stop-signal.ts'

const NOT_LISTENING = 'not configured (other servers need it; see MYELIN_TLS_PORT in the README)'

function welcome(config: HostConfig, server: Server): string {
  const { runtime } = server
  const lines = [
    `Myelin serves ${config.serverName}`,
    `  clients      ${runtime.url}`,
    `  TLS          ${server.tlsPort === undefined ? NOT_LISTENING : `port ${server.tlsPort}`}`,
    `  data         ${server.dataDir.path}`,
    `  registration ${config.registration}`,
  ]
  if (!runtime.firstStart) return lines.join('\n')
  return [
    ...lines,
    '',
    'This is the first start on this data directory. What to do next:',
    '  1. Create your account, in a second terminal:   npm run user -- create <name> --admin',
    `  2. Log in with any Matrix client, homeserver:   ${runtime.url}`,
    `  3. Keep ${server.dataDir.file('signing.key')} safe: whoever has it can speak as ${config.serverName}, and it cannot be replaced unnoticed.`,
    `  4. The server name ${config.serverName} cannot be changed later. To choose another, stop, remove the data directory,`,
    '     and set MYELIN_SERVER_NAME (or "server_name" in myelin.jsonc).',
    '',
  ].join('\n')
}

/** `npm start`: serves until told to stop. */
export async function serve(options: Options): Promise<void> {
  const config = await readHostConfig({ env: process.env, file: options.config, cwd: process.cwd() })
  const server = await startServer(config, options)
  say(welcome(config, server))
  await untilToldToStop()
  await server.stop()
}
