// Runs one of the project's tasks on a fresh clone: installs what package-lock.json lists if that has not happened yet, then hands over
// to the Node that is pinned there. Runs on any Node from 18 on and needs nothing but Node and npm.
//
//   node scripts/bootstrap.mjs <task> [arguments]

import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bin = join(root, 'node_modules', '.bin')
const pinnedNode = join(bin, 'node')
const PARENT_CHECK_MS = 1000

/** Task → TypeScript file that the pinned Node runs, and what it puts before the arguments. `server` tasks end with this program. */
const TASKS = {
  serve: { file: 'selfhost/main.ts', before: ['serve'], server: true },
  dev: { file: 'selfhost/main.ts', before: ['dev'], server: true },
  user: { file: 'selfhost/main.ts', before: ['user'] },
  'signing-key': { file: 'selfhost/main.ts', before: ['signing-key'] },
  build: { file: 'scripts/build.ts', before: [] },
  check: { file: 'scripts/check.ts', before: [] },
  test: { file: 'scripts/test.ts', before: [] },
  bench: { file: 'bench/main.ts', before: [] },
  'what-works': { file: 'scripts/what-works.ts', before: [] },
  generate: { file: 'scripts/generate.ts', before: [] },
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** Whether every package of package-lock.json that this machine needs is installed in its exact version. */
function isInstalled() {
  const wanted = readJson(join(root, 'package-lock.json'))
  const present = readJson(join(root, 'node_modules', '.package-lock.json'))
  if (wanted === undefined || present === undefined) return false
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '') continue
    const found = present.packages[path]
    // Binaries of other platforms are optional and stay away.
    if (found === undefined && entry.optional) continue
    if (found === undefined || found.version !== entry.version || found.integrity !== entry.integrity) return false
  }
  return spawnSync(pinnedNode, ['--version'], { stdio: 'ignore' }).status === 0
}

function install() {
  process.stderr.write('Installing dependencies (once) …\n')
  const npm = process.env.npm_execpath
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []]
  // The pinned Node, the bundler and the type checker are development dependencies: they are wanted whatever NODE_ENV says.
  const args = [...first, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) {
    process.stderr.write(`npm ci failed${error ? `: ${error.message}` : ''}. Its output is above.\n`)
    process.exit(1)
  }
}

/** Process IDs of this program's ancestors up to npm, whose end is ours. Empty when npm did not start us. */
function ancestors() {
  if (process.env.npm_lifecycle_event === undefined) return []
  const chain = [process.ppid]
  // npm starts scripts through a shell, which may or may not still be there.
  const shell = parentOf(process.ppid)
  if (shell !== undefined && /^(?:sh|dash|bash|zsh|ash|busybox)$/.test(shell.command)) chain.push(shell.parent)
  return chain
}

function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    return { command, parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }
  } catch {
    return undefined
  }
}

function orphaned(chain) {
  if (chain.length === 0) return false
  if (process.ppid !== chain[0]) return true
  return chain.length > 1 && parentOf(chain[0])?.parent !== chain[1]
}

function run(task, args) {
  const child = spawn(pinnedNode, ['--disable-warning=ExperimentalWarning', join(root, task.file), ...task.before, ...args], {
    // The server notices through the channel when this program is killed, and stops.
    stdio: task.server ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
  })
  // A terminal's Ctrl-C reaches the whole process group; the child decides how to end and we follow.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const chain = ancestors()
  const watch = setInterval(() => {
    if (orphaned(chain)) child.kill('SIGTERM')
  }, PARENT_CHECK_MS)
  child.on('error', (error) => {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    clearInterval(watch)
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0))
  })
}

const [name, ...args] = process.argv.slice(2)
const task = Object.hasOwn(TASKS, name ?? '') ? TASKS[name] : undefined
if (task === undefined) {
  process.stderr.write(`usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join('|')} [arguments]\n`)
  process.exit(64)
}
if (!isInstalled()) install()
run(task, args)
