/** Longest media ID: other servers choose theirs. */
const MAX_MEDIA_ID_LENGTH = 255
const MEDIA_ID = /^[A-Za-z0-9_-]+$/

/** Whether a text can be the ID of media on its server (client-server-api#matrix-content-mxc-uris). */
export function isMediaId(text: string): boolean {
  return text.length <= MAX_MEDIA_ID_LENGTH && MEDIA_ID.test(text)
}

/** The URI by which media is known everywhere. */
export function mxcUri(serverName: string, mediaId: string): string {
  return `mxc://${serverName}/${mediaId}`
}
