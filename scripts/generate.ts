/** `npm run generate`: writes every generated file. */

import { generateMigrations } from './generate-migrations.ts'
import type { GeneratedFile } from './generated-file.ts'
import { isUpToDate, writeGenerated } from './generated-file.ts'

/** Everything that is generated; `test/tidy` fails when one of them differs from what is committed. */
export function generateAll(): GeneratedFile[] {
  return [...generateMigrations()]
}

if (import.meta.main) {
  for (const file of generateAll()) {
    process.stdout.write(`${isUpToDate(file) ? 'unchanged' : 'written  '} ${file.path}\n`)
    writeGenerated(file)
  }
}
