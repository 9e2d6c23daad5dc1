/*
 * Server names (appendices#server-name): `hostname[:port]`, where the hostname is a DNS name, an IPv4 literal or an IPv6 literal in brackets.
 * They are compared case-sensitively.
 */

/** A server name taken apart. */
export interface ServerName {
  /** DNS name, IPv4 literal, or IPv6 literal without its brackets, as written. */
  readonly host: string
  readonly kind: 'dns' | 'ipv4' | 'ipv6'
  /** Absent unless it was written. The grammar allows five digits, so it may exceed 65,535. */
  readonly port: number | undefined
}

const MAX_HOST_LENGTH = 255
const PORT = /^[0-9]{1,5}$/
const DNS_NAME = /^[0-9A-Za-z.-]+$/
const IPV6_CHARACTERS = /^[0-9A-Fa-f:.]{2,45}$/
const IPV6_GROUP = /^[0-9A-Fa-f]{1,4}$/
const IPV6_GROUPS = 8

/** Parts of a server name, or `undefined` if it does not fit the grammar. */
export function parseServerName(text: string): ServerName | undefined {
  if (text.startsWith('[')) return parseIpv6(text)
  const colon = text.indexOf(':')
  const host = colon < 0 ? text : text.slice(0, colon)
  if (host.length > MAX_HOST_LENGTH || !DNS_NAME.test(host)) return undefined
  const port = parsePort(colon < 0 ? '' : text.slice(colon))
  return port === false ? undefined : { host, kind: isIpv4Literal(host) ? 'ipv4' : 'dns', port }
}

/** Whether a text fits the grammar of server names. */
export function isServerName(text: string): boolean {
  return parseServerName(text) !== undefined
}

/**
 * The server name in a user ID, room alias, or any other `&localpart:domain` identifier: whatever follows the *first* colon, as IPv6
 * literals and ports have colons of their own. `undefined` without a colon. Says nothing about validity.
 */
export function serverNameOf(id: string): string | undefined {
  const colon = id.indexOf(':')
  return colon < 0 ? undefined : id.slice(colon + 1)
}

function parseIpv6(text: string): ServerName | undefined {
  const end = text.indexOf(']')
  if (end < 0) return undefined
  const host = text.slice(1, end)
  const port = parsePort(text.slice(end + 1))
  return port === false || !isIpv6Literal(host) ? undefined : { host, kind: 'ipv6', port }
}

/** The port of `:port`, `undefined` for nothing, `false` for anything else. */
function parsePort(suffix: string): number | undefined | false {
  if (suffix === '') return undefined
  const digits = suffix.slice(1)
  return suffix.startsWith(':') && PORT.test(digits) ? Number(digits) : false
}

/** Whether a text is four decimal numbers up to 255. */
export function isIpv4Literal(text: string): boolean {
  const parts = text.split('.', 5)
  return parts.length === 4 && parts.every((part) => /^[0-9]{1,3}$/.test(part) && Number(part) <= 255)
}

/** Whether a text is an IPv6 address in one of the forms of RFC 3513 section 2.2, without brackets or zone. */
export function isIpv6Literal(text: string): boolean {
  if (!IPV6_CHARACTERS.test(text)) return false
  const halves = text.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const [index, half] of halves.entries()) {
    const last = index === halves.length - 1
    const counted = half === '' ? (halves.length === 2 ? 0 : undefined) : countIpv6Groups(half, last)
    if (counted === undefined) return false
    groups += counted
  }
  // `::` stands for at least one group.
  return halves.length === 2 ? groups < IPV6_GROUPS : groups === IPV6_GROUPS
}

/** Number of 16-bit groups in a run without `::`, where only the very end may be an IPv4 literal; `undefined` if malformed. */
function countIpv6Groups(run: string, mayEndInIpv4: boolean): number | undefined {
  const groups = run.split(':')
  const tail = groups.at(-1) ?? ''
  const endsInIpv4 = mayEndInIpv4 && tail.includes('.')
  if (endsInIpv4 && !isIpv4Literal(tail)) return undefined
  const hex = endsInIpv4 ? groups.slice(0, -1) : groups
  return hex.every((group) => IPV6_GROUP.test(group)) ? hex.length + (endsInIpv4 ? 2 : 0) : undefined
}
