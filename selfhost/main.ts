import { parseArgs } from 'node:util'
import { ConfigError } from '../src/runtime/config.ts'
import { serve } from './commands/serve.ts'
import { DataDirError } from './data-dir.ts'

/** EX_CONFIG of sysexits.h: do not restart, the configuration has to change first. */
const EXIT_CONFIG = 78

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { config: { type: 'string', short: 'c' }, bundle: { type: 'string' } },
  })
  const options = { config: values.config, bundle: values.bundle, positionals }
  await serve(options)
}

try {
  await main()
} catch (cause) {
  if (cause instanceof ConfigError || cause instanceof DataDirError) {
    process.stderr.write(`${cause.message}\n`)
    process.exit(cause instanceof ConfigError ? EXIT_CONFIG : 1)
  }
  process.stderr.write(`Myelin could not start: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`)
  process.exit(1)
}
