import { expect, it } from 'vitest'
import { codeOf, importsOf, lineAt } from './sources.ts'

it('sees every form of import', () => {
  const text =
    "import a from 'a'\nimport {\n  b,\n  type c,\n} from './b.ts'\nimport type { d } from 'd'\nexport * from './e.ts'\nimport 'f'\nawait import('g')"
  expect(importsOf(text)).toEqual([
    { specifier: 'a', typeOnly: false },
    { specifier: './b.ts', typeOnly: false },
    { specifier: 'd', typeOnly: true },
    { specifier: './e.ts', typeOnly: false },
    { specifier: 'f', typeOnly: false },
    { specifier: 'g', typeOnly: false },
  ])
})

it('looks at code only, on its own line', () => {
  const text = "// any\nconst a = 'as any' /* any\nany */ + b / any / c\nconst d = x.replace(/any \"/g, '') as any\n"
  const code = codeOf(text)
  expect(Array.from(code.matchAll(/\bany\b/g), (match) => lineAt(code, match.index))).toEqual([3, 4])
})
