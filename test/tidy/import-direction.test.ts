import { posix } from 'node:path'
import { expect, it } from 'vitest'
import { importsOf, type SourceFile, sourceFiles } from './sources.ts'

/** Folders of src from the bottom up. A folder imports from itself and from lines above its own; folders of one line never meet. */
const LINES: readonly (readonly string[])[] = [
  ['matrix'],
  ['state-resolution'],
  ['runtime'],
  ['storage'],
  ['federation/outbound', 'http'],
  ['durable'],
  ['domain'],
  ['api', 'federation/inbound', 'web'],
  ['app.ts'],
  ['index.ts'],
]
/** Who may import a package. Packages that are not listed may not be imported by src at all. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@cf-wasm/photon': ['domain'],
  'drizzle-orm': ['storage'],
  hono: ['http', 'api', 'federation/inbound', 'web', 'app.ts'],
  zod: ['http', 'api', 'federation/outbound', 'federation/inbound', 'web', 'runtime'],
  jose: ['domain'],
  tweetnacl: ['matrix', 'runtime', 'domain'],
  'cloudflare:sockets': ['runtime'],
  'cloudflare:workers': ['runtime', 'durable', 'index.ts'],
}
/** Modules of Node that workerd offers and that src may use; the pure folders only through matrix/crypto.ts. */
const NODE_MODULES = ['node:crypto', 'node:buffer', 'node:async_hooks']
const PURE_SEAM = 'src/matrix/crypto.ts'
/** The one upward reference, of types only: bindings name the classes that they are bound to. */
const ALLOWED_UPWARD: readonly string[] = [
  'src/runtime/bindings.ts → src/durable/remote-server/remote-server.ts',
  'src/runtime/bindings.ts → src/durable/repair/repair-object.ts',
  'src/runtime/bindings.ts → src/durable/room/room.ts',
  'src/runtime/bindings.ts → src/durable/user/user.ts',
]

function folderOf(path: string): string | undefined {
  const inner = path.replace(/^src\//, '')
  return LINES.flat().find((folder) => inner === folder || inner.startsWith(`${folder}/`))
}

function lineOf(folder: string): number {
  return LINES.findIndex((line) => line.includes(folder))
}

function relativeProblem(file: SourceFile, folder: string, specifier: string, typeOnly: boolean): string | undefined {
  const target = posix.join(posix.dirname(file.path), specifier)
  const targetFolder = folderOf(target)
  if (!/\.(?:tsx?|sql|css)$/.test(specifier)) return 'has no file extension'
  if (targetFolder === undefined) return 'leaves src'
  if (targetFolder === folder || lineOf(targetFolder) < lineOf(folder)) return undefined
  if (typeOnly && ALLOWED_UPWARD.includes(`${file.path} → ${target}`)) return undefined
  return `goes up: ${folder} must not know ${targetFolder}`
}

function packageProblem(file: SourceFile, folder: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) {
    const pure = folder === 'matrix' || folder === 'state-resolution'
    if (pure && file.path !== PURE_SEAM) return `is native code, which the pure folders reach only through ${PURE_SEAM}`
    return NODE_MODULES.includes(specifier) ? undefined : 'is not available to the Worker'
  }
  const name = Object.keys(PACKAGES).find((known) => specifier === known || specifier.startsWith(`${known}/`))
  if (name === undefined) return 'is not a package that src may use'
  return PACKAGES[name]?.includes(folder) ? undefined : `is not for ${folder}`
}

it('lets each folder of src import only from folders below it', () => {
  const problems = sourceFiles('src').flatMap((file) => {
    const folder = folderOf(file.path)
    if (folder === undefined) return [`${file.path}: not in a folder of the layout`]
    return importsOf(file.text).flatMap(({ specifier, typeOnly }) => {
      const check = specifier.startsWith('.') ? relativeProblem : packageProblem
      const problem = check(file, folder, specifier, typeOnly)
      return problem === undefined ? [] : [`${file.path}: '${specifier}' ${problem}`]
    })
  })
  expect(problems).toEqual([])
})

it('lets the self-hosting program know of src nothing but how it is configured', () => {
  const problems = sourceFiles('selfhost').flatMap((file) =>
    importsOf(file.text)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier }) => posix.join(posix.dirname(file.path), specifier))
      .filter((target) => !target.startsWith('selfhost/') && target !== 'src/runtime/config.ts')
      .map((target) => `${file.path}: ${target}`),
  )
  expect(problems).toEqual([])
})

it('keeps Miniflare in one file, types aside', () => {
  const users = sourceFiles('selfhost', 'src', 'scripts').filter(({ text }) =>
    importsOf(text).some(({ specifier, typeOnly }) => specifier === 'miniflare' && !typeOnly),
  )
  expect(users.map(({ path }) => path)).toEqual(['selfhost/miniflare-options.ts'])
})
