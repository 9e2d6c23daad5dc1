/**
 * The query parameters of a URL: a string each, an array for repeated ones. Names such as `__proto__` are ordinary keys (P7).
 */
export function parseQuery(url: string): Readonly<Record<string, string | readonly string[]>> {
  const start = url.indexOf('?')
  if (start < 0) return {}
  const values = new Map<string, string | string[]>()
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    const known = values.get(name)
    if (known === undefined) values.set(name, value)
    else if (typeof known === 'string') values.set(name, [known, value])
    else known.push(value)
  }
  return Object.fromEntries(values)
}
