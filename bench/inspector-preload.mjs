// Preloaded into the self-hosting program by `npm run bench -- --profile`: lets workerd listen for a profiler. Not part of the product, where
// nothing opens an inspector.
import childProcess from 'node:child_process'

const { spawn } = childProcess
const address = `--inspector-addr=127.0.0.1:${process.env.BENCH_INSPECTOR_PORT}`

childProcess.spawn = (command, args, options) => {
  const startsWorkerd = Array.isArray(args) && args[0] === 'serve' && args.at(-1) === '-'
  return spawn(command, startsWorkerd ? [...args.slice(0, -1), address, '-'] : args, options)
}
