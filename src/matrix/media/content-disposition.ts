import { isInlineType } from './content-type.ts'

const MAX_FILENAME_LENGTH = 255
/** Names that a quoted string holds as they are. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g
/** What `encodeURIComponent` leaves and RFC 8187 does not allow. */
const UNRESERVED_BUT_FORBIDDEN = /['()*]/g

/** A file's name as it is kept: without characters that no name has, and not endless. `undefined` where nothing is left. */
export function checkedFilename(given: string | undefined): string | undefined {
  const name = (given ?? '').replaceAll(CONTROLS, '').toWellFormed()
  if (name.trim() === '') return undefined
  return name.length <= MAX_FILENAME_LENGTH ? name : name.slice(0, MAX_FILENAME_LENGTH).toWellFormed()
}

/** `Content-Disposition` of media (RFC 6266): shown where it lies only if its type is harmless. */
export function contentDisposition(contentType: string, filename: string | undefined): string {
  const kind = isInlineType(contentType) ? 'inline' : 'attachment'
  const name = checkedFilename(filename)
  if (name === undefined) return kind
  if (PLAIN.test(name)) return `${kind}; filename="${name}"`
  const encoded = encodeURIComponent(name).replaceAll(
    UNRESERVED_BUT_FORBIDDEN,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename*=utf-8''${encoded}`
}

/** The file name that another server's `Content-Disposition` gives, if it gives one. */
export function filenameOf(header: string | null | undefined): string | undefined {
  if (header === null || header === undefined) return undefined
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^\s;"]+)/i.exec(header)?.[1]
  if (extended !== undefined) {
    const decoded = decodePercent(extended)
    if (decoded !== undefined) return checkedFilename(decoded)
  }
  const quoted = /;\s*filename\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(header)?.[1]
  if (quoted !== undefined) return checkedFilename(fromLatin1(quoted.replaceAll(/\\(.)/g, '$1')))
  return checkedFilename(/;\s*filename\s*=\s*([^\s;"]+)/i.exec(header)?.[1])
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Some servers write UTF-8 into headers, which arrives as one character a byte. */
function fromLatin1(text: string): string {
  const codes = Array.from(text, (char) => char.charCodeAt(0))
  if (!codes.some((code) => code >= 0x80) || codes.some((code) => code > 0xff)) return text
  const escaped = Array.from(text, (char) => (char.charCodeAt(0) < 0x80 ? encodeURIComponent(char) : `%${char.charCodeAt(0).toString(16)}`))
  return decodePercent(escaped.join('')) ?? text
}
