/** What JSON can hold, as `parseJsonc` answers it. */
export type Jsonc = null | boolean | number | string | readonly Jsonc[] | { readonly [key: string]: Jsonc }

/** Replaces comments by blanks and drops commas before a closing bracket, leaving strings alone. */
function toJson(source: string): string {
  const token = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  const withoutComments = source.replace(token, (match) => (match.startsWith('"') ? match : match.replace(/[^\n]/g, ' ')))
  return withoutComments.replace(/"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])/g, (match) => (match === ',' ? ' ' : match))
}

/** Parses JSON with comments and trailing commas. Throws SyntaxError with positions that fit the source. */
export function parseJsonc(source: string): Jsonc {
  return JSON.parse(toJson(source.replace(/^\uFEFF/, ''))) as Jsonc
}
