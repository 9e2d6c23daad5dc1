import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { projectRoot } from './paths.ts'

const ENTRY = join(projectRoot, 'src/index.ts')
/** Where `npm run build` leaves the Worker; used by installations that carry no sources. */
export const BUILT_WORKER = join(projectRoot, 'dist/worker.js')

/** Bundles the Worker into one ES module and answers its text. Throws esbuild's error, which lists file and line. */
export async function bundleWorker(): Promise<string> {
  const { build, stop } = await import('esbuild')
  const result = await build({
    entryPoints: [ENTRY],
    absWorkingDir: projectRoot,
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['cloudflare:*', 'node:*'],
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    // Nothing reads the names of functions, and keeping them costs a call for every closure: 5 % of a request.
    keepNames: false,
    legalComments: 'none',
    logLevel: 'silent',
  })
  const output = result.outputFiles[0]
  // Otherwise its helper process would stay as long as this one.
  await stop()
  if (output === undefined) throw new Error('the bundler wrote nothing')
  return output.text
}

/** Writes the bundle to `dist/worker.js`, in one step so that a reader never sees half of it. */
export async function buildWorker(): Promise<string> {
  const text = await bundleWorker()
  await mkdir(dirname(BUILT_WORKER), { recursive: true })
  const draft = `${BUILT_WORKER}.${process.pid}`
  await writeFile(draft, text)
  await rename(draft, BUILT_WORKER)
  return BUILT_WORKER
}

/** The Worker to run: `file` if given, else bundled from the sources, else the build. */
export async function loadWorker(file?: string): Promise<string> {
  if (file !== undefined) return await readFile(file, 'utf8')
  if (existsSync(ENTRY)) return await bundleWorker()
  return await readFile(BUILT_WORKER, 'utf8')
}
