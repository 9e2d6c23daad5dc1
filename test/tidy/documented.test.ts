import { expect, it } from 'vitest'
import { lineAt, sourceFiles } from './sources.ts'

const DECLARATION = /^export (?:default )?(?:async )?(?:abstract )?(?:function\*?|class|const|interface|type) (\w+)/gm

it('explains everything that one file offers to another', () => {
  const undocumented = sourceFiles('src', 'selfhost')
    .filter(({ path }) => !path.endsWith('.d.ts'))
    .flatMap((file) =>
      Array.from(file.text.matchAll(DECLARATION))
        .filter((match) => !file.text.slice(0, match.index).trimEnd().endsWith('*/') && !isOverload(file.text, match))
        .map((match) => `${file.path}:${lineAt(file.text, match.index)}: ${match[1]}`),
    )
  expect(undocumented).toEqual([])
})

/** Only the first signature of an overloaded function carries the comment. */
function isOverload(text: string, match: RegExpExecArray): boolean {
  const before = text.slice(0, match.index).trimEnd().split('\n').at(-1) ?? ''
  return match[0].includes('function') && before.startsWith('export') && before.includes(`function ${match[1]}`)
}
