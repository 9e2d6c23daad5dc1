import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type LatencyMs, summarize } from './percentiles.ts'

const PAGE_BYTES = 4096
const WRITES = 300

/** What one appended page and its fsync take in a folder: the floor under every commit. */
export async function measureFsync(folder: string): Promise<LatencyMs> {
  const path = join(folder, 'bench-fsync')
  const file = await open(path, 'w')
  const page = Buffer.alloc(PAGE_BYTES, 1)
  const samplesMs: number[] = []
  try {
    for (let written = 0; written < WRITES; written += 1) {
      await file.write(page)
      const startedMs = performance.now()
      await file.datasync()
      samplesMs.push(performance.now() - startedMs)
    }
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
  const summary = summarize(samplesMs)
  if (summary === undefined) throw new Error('nothing was measured')
  return summary
}
