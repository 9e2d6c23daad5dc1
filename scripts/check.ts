/** `npm run check`: format, lint, types, tidiness and unit tests; the same as CI begins with. */
import { readdirSync } from 'node:fs'
import { root } from './generated-file.ts'
import { exitWith, runSteps } from './steps.ts'

const projects = readdirSync(root)
  .filter((name) => /^tsconfig(?:\.[a-z-]+)?\.json$/.test(name) && name !== 'tsconfig.base.json')
  .sort()

exitWith(
  runSteps([
    { name: 'format and lint', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
    ...projects.map((project) => ({ name: `types of ${project}`, command: 'tsc', args: ['-p', project] })),
    { name: 'tidiness and unit tests', command: 'vitest', args: ['run', '-c', 'vitest.unit.config.ts'] },
  ]),
)
