import { parseArgs } from 'node:util'
import { ConfigError } from '../src/runtime/config.ts'
import { dev } from './commands/dev.ts'
import { serve } from './commands/serve.ts'
import { signingKey } from './commands/signing-key.ts'
import { user } from './commands/user.ts'
import type { Options } from './options.ts'

/** EX_CONFIG of sysexits.h: a supervisor need not try again, the configuration has to change first. */
const EXIT_CONFIG = 78
const EXIT_FAILURE = 1
const COMMANDS: Readonly<Record<string, (options: Options) => Promise<void>>> = { serve, dev, user, 'signing-key': signingKey }

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      bundle: { type: 'string' },
      password: { type: 'string' },
      admin: { type: 'boolean', default: false },
    },
  })
  const command = Object.hasOwn(COMMANDS, positionals[0] ?? '') ? COMMANDS[positionals[0] ?? ''] : undefined
  if (command === undefined) throw new Error(`usage: main.ts ${Object.keys(COMMANDS).join('|')} [--config <file>]`)
  await command({ ...values, config: values.config, bundle: values.bundle, password: values.password, positionals })
}

try {
  await main()
  // Nothing that is left, such as a timer, may keep the program alive.
  process.exit(0)
} catch (cause) {
  const details = process.env.MYELIN_LOG === 'debug' && cause instanceof Error ? cause.stack : undefined
  process.stderr.write(`${details ?? (cause instanceof Error ? cause.message : String(cause))}\n`)
  process.exit(cause instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILURE)
}
