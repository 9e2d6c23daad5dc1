import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { endLeftoverWorkerd, instanceMark } from '../../../selfhost/leftover.ts'

const newPidFile = async (pid: number) => {
  const file = join(await mkdtemp(join(tmpdir(), 'myelin-pid-')), 'workerd.pid')
  await writeFile(file, `${pid}\n`)
  return file
}
/** A process that looks like workerd when it is given that name. */
async function start(name: string, mark: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)', name], {
    env: { MYELIN_INSTANCE: mark },
    stdio: 'ignore',
  })
  await new Promise((resolve) => child.once('spawn', resolve))
  return child
}

it('ends a process that runs workerd for this data directory', async () => {
  const mark = instanceMark('/data/one')
  const child = await start('workerd', mark)
  const gone = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
  expect(await endLeftoverWorkerd(await newPidFile(child.pid ?? 0), mark)).toBe(child.pid)
  expect(await gone).toBe('SIGKILL')
})

it('leaves everybody else alone: a workerd of another directory, another program, nobody', async () => {
  const mark = instanceMark('/data/one')
  const strangers = [await start('workerd', instanceMark('/data/other')), await start('something', mark)]
  for (const child of strangers) {
    expect(await endLeftoverWorkerd(await newPidFile(child.pid ?? 0), mark)).toBeUndefined()
    expect(child.exitCode).toBeNull()
    child.kill()
  }
  expect(await endLeftoverWorkerd('/no/such/file', mark)).toBeUndefined()
  expect(await endLeftoverWorkerd(await newPidFile(0), mark)).toBeUndefined()
})
