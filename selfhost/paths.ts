import { join } from 'node:path'

/** The folder that holds package.json, migrations and the Worker's sources or its build. */
export const projectRoot = join(import.meta.dirname, '..')
