import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The project's folder. */
export const root = join(import.meta.dirname, '../..')

/** A file of the project. */
export interface SourceFile {
  /** Relative to the project, with slashes. */
  readonly path: string
  readonly text: string
}

/** Every TypeScript file below some folders. Bounded by the project itself; installed packages are not part of it. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => {
    const start = join(root, folder)
    if (!existsSync(start)) return []
    return readdirSync(start, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => ({ path: relative(root, file).replaceAll('\\', '/'), text: readFileSync(file, 'utf8') }))
      .sort((a, b) => (a.path < b.path ? -1 : 1))
  })
}

/** A text with its comments, and what its strings say, replaced by blanks of the same length; line numbers stay. */
export function codeOf(text: string): string {
  const comment = String.raw`\/\*[\s\S]*?\*\/|\/\/[^\n]*`
  const string = String.raw`'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"`
  // A slash begins a regular expression where no value can stand before it.
  const expression = String.raw`(?<=[(,=:[!&|?{};]\s*)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[dgimsuvy]*`
  const token = new RegExp(`${comment}|${string}|${expression}`, 'g')
  return text.replace(token, (match) => match.replace(/[^\n]/g, ' '))
}

/** The number of the line that an offset is on, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

/** Specifiers that a module imports, and whether only types are. */
export function importsOf(text: string): { readonly specifier: string; readonly typeOnly: boolean }[] {
  const statement = /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?'([^']+)'/gm
  const dynamic = /\bimport\('([^']+)'\)/g
  return [
    ...Array.from(text.matchAll(statement), (match) => ({ specifier: match[2] ?? '', typeOnly: match[1] !== undefined })),
    ...Array.from(text.matchAll(dynamic), (match) => ({ specifier: match[1] ?? '', typeOnly: false })),
  ]
}
