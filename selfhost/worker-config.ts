import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { parseJsonc } from './jsonc.ts'
import { projectRoot } from './paths.ts'

const WranglerConfig = z.object({
  compatibility_date: z.string(),
  compatibility_flags: z.array(z.string()).default([]),
  d1_databases: z.array(z.object({ binding: z.string(), migrations_dir: z.string() })).default([]),
  kv_namespaces: z.array(z.object({ binding: z.string() })).default([]),
  r2_buckets: z.array(z.object({ binding: z.string() })).default([]),
  durable_objects: z.object({ bindings: z.array(z.object({ name: z.string(), class_name: z.string() })) }),
})

/** What the Worker is given, as `wrangler.jsonc` lists it: the one list for Cloudflare and for self-hosting. */
export type WorkerConfig = z.infer<typeof WranglerConfig>

/** Reads `wrangler.jsonc`. Throws when it lacks what self-hosting needs. */
export async function readWorkerConfig(): Promise<WorkerConfig> {
  return WranglerConfig.parse(parseJsonc(await readFile(join(projectRoot, 'wrangler.jsonc'), 'utf8')))
}
