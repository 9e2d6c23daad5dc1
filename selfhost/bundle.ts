import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Plugin } from 'esbuild'
import { projectRoot } from './paths.ts'

const ENTRY = join(projectRoot, 'src/index.ts')
/** Where `npm run build` leaves the Worker; used by installations that carry no sources. */
export const BUILT_WORKER = join(projectRoot, 'dist/worker.js')
/** The one module that the Worker loads besides itself: the decoder of images. */
export const IMAGE_MODULE = 'photon.wasm'
const BUILT_IMAGE_MODULE = join(projectRoot, 'dist', IMAGE_MODULE)

/** WebAssembly stays a file of its own: the platform compiles it, and lets nobody else do so. */
const besideTheWorker: Plugin = {
  name: 'beside-the-worker',
  setup: (build) => {
    build.onResolve({ filter: /\.wasm$/ }, () => ({ path: `./${IMAGE_MODULE}`, external: true }))
  },
}

/** The decoder of images, from the installed package or else from the build. */
export async function loadImageModule(): Promise<Uint8Array<ArrayBuffer>> {
  const require = createRequire(import.meta.url)
  const file = existsSync(BUILT_IMAGE_MODULE) && !existsSync(ENTRY) ? BUILT_IMAGE_MODULE : require.resolve('@cf-wasm/photon/photon.wasm')
  return new Uint8Array(await readFile(file))
}

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
    plugins: [besideTheWorker],
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
  await writeFile(BUILT_IMAGE_MODULE, await loadImageModule())
  return BUILT_WORKER
}

/** The Worker to run: `file` if given, else bundled from the sources, else the build. */
export async function loadWorker(file?: string): Promise<string> {
  if (file !== undefined) return await readFile(file, 'utf8')
  if (existsSync(ENTRY)) return await bundleWorker()
  return await readFile(BUILT_WORKER, 'utf8')
}
