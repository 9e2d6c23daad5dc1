import { invalidParam } from '../matrix/errors.ts'

/** The path of a request's URL exactly as it came, still percent-encoded, so that an encoded slash never separates segments (P9). */
export function rawPathOf(request: Request): string {
  const { url } = request
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start < 0) return '/'
  const query = url.indexOf('?', start)
  return query < 0 ? url.slice(start) : url.slice(start, query)
}

/**
 * Checks the percent-encoding of a URL's path. What passes is decoded once, segment by segment, without further failures.
 * @throws MatrixError M_INVALID_PARAM for broken encoding, bytes that are not UTF-8, and NUL (P3).
 */
export function checkEncodedPath(url: string): void {
  if (!url.includes('%')) return
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  if (path.includes('%00')) throw invalidParam('The path contains a NUL character')
  try {
    decodeURIComponent(path)
  } catch {
    throw invalidParam('The path is not properly percent-encoded')
  }
}

/** The classic client API under the version that clients use today and under `r0`, which older ones still call. */
export function clientPaths(path: string): readonly string[] {
  return [`/_matrix/client/v3/${path}`, `/_matrix/client/r0/${path}`]
}

/** Every routed form of a path: one that ends in `/:name?` also matches without its last segment and with an empty one. */
export function pathVariants(path: string): readonly string[] {
  const optional = /^(.*)\/(:[A-Za-z]+)\?$/.exec(path)
  if (optional === null) return [path]
  const [, prefix = '', name = ''] = optional
  return [`${prefix}/${name}`, prefix, `${prefix}/`]
}
