/**
 * Run at each release: notes the checksum of every migration that is not noted yet in test/tidy/published-migrations.json, from when on it
 * may not change. Refuses when a noted one has changed.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './generated-file.ts'

const FILE = join(root, 'test/tidy/published-migrations.json')
const published: Record<string, string> = JSON.parse(readFileSync(FILE, 'utf8'))

for (const series of readdirSync(join(root, 'migrations')).sort()) {
  for (const name of readdirSync(join(root, 'migrations', series)).sort()) {
    const path = `migrations/${series}/${name}`
    const sha256 = createHash('sha256')
      .update(readFileSync(join(root, path)))
      .digest('hex')
    if (published[path] !== undefined && published[path] !== sha256) throw new Error(`${path} was published and has changed since`)
    published[path] = sha256
  }
}
writeFileSync(FILE, `${JSON.stringify(published, null, 2)}\n`)
