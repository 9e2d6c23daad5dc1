/** `npm run build`: bundles the Worker into dist/worker.js, which installations without sources run. */
import { buildWorker } from '../selfhost/bundle.ts'

process.stdout.write(`${await buildWorker()}\n`)
