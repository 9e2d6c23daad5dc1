/** Splits an SQL file into its statements. Understands quotes and comments; refuses triggers, whose bodies hold semicolons. */
export function sqlStatements(source: string): string[] {
  const statements: string[] = []
  let current = ''
  for (const [token] of source.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|;|[^'";/-]+|[\s\S]/g)) {
    if (token === ';') {
      if (current.trim() !== '') statements.push(current.trim())
      current = ''
    } else if (!token.startsWith('--') && !token.startsWith('/*')) {
      current += token
    }
  }
  if (current.trim() !== '') statements.push(current.trim())
  const trigger = statements.find((statement) => /^CREATE\s+(?:TEMP(?:ORARY)?\s+)?TRIGGER\b/i.test(statement))
  if (trigger !== undefined) throw new Error(`migrations cannot hold triggers: ${trigger.slice(0, 60)}`)
  return statements
}
