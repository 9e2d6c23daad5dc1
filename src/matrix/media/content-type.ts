/** Type of what nobody has said, or could say, the type of. */
export const UNKNOWN_TYPE = 'application/octet-stream'
const MAX_TYPE_LENGTH = 255
/** A media type with its parameters (RFC 9110 section 8.3.1): nothing that could end a header line. */
const MEDIA_TYPE =
  /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))*$/

/** Types that may be shown in a browser where they lie (client-server-api#serving-inline-content): none of them can hold a script. */
const INLINE_TYPES: ReadonlySet<string> = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  'image/jpeg',
  'image/gif',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/mpeg',
  'audio/ogg',
  'audio/wave',
  'audio/wav',
  'audio/x-wav',
  'audio/x-pn-wav',
  'audio/flac',
  'audio/x-flac',
])

/** The type that an uploader or another server has given, if it is one: it will be a header again. */
export function checkedContentType(given: string | null | undefined): string {
  const text = given?.trim() ?? ''
  return text.length <= MAX_TYPE_LENGTH && MEDIA_TYPE.test(text) ? text : UNKNOWN_TYPE
}

/** A type without its parameters, in lower case. */
export function essenceOf(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase()
}

/** Whether a type may be shown in a browser where it lies. */
export function isInlineType(contentType: string): boolean {
  return INLINE_TYPES.has(essenceOf(contentType))
}
