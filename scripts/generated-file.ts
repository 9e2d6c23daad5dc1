import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The project's folder. */
export const root = join(import.meta.dirname, '..')

/** A file that is made from others and committed. */
export interface GeneratedFile {
  /** Relative to the project. */
  readonly path: string
  readonly content: string
}

/** Whether the file on disk is what would be generated. */
export function isUpToDate(file: GeneratedFile): boolean {
  try {
    return readFileSync(join(root, file.path), 'utf8') === file.content
  } catch {
    return false
  }
}

/** Writes a file unless it is the same already, so that watchers stay quiet. */
export function writeGenerated(file: GeneratedFile): void {
  if (isUpToDate(file)) return
  mkdirSync(dirname(join(root, file.path)), { recursive: true })
  writeFileSync(join(root, file.path), file.content)
}
