import { isIpv4Literal, isIpv6Literal } from '../../matrix/ids/server-name.ts'
import { OutboundError } from './outbound-error.ts'

/*
 * Which URLs that others name this server connects to (SECURITY M6). This looks at what the URL says; where names lead is decided when the
 * connection is made (`runtime/outbound-network.ts`).
 */

/** IPv4 networks that are not the public Internet (RFC 6890 and its registry). */
const CLOSED_IPV4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]

/** Ports that services other than HTTP own, by the Fetch standard's list of bad ports: a request there is meant to hurt somebody. */
const BAD_PORTS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117,
  119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
  989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
])

/** Names that resolve to this machine or its network wherever they are asked for (RFC 6761, RFC 6762, RFC 8375). */
const CLOSED_NAME = /(?:^|\.)(?:localhost|local|internal|localdomain|home\.arpa)\.?$/i

const HTTPS_PORT = 443
const HTTP_PORT = 80
const MAX_PORT = 65_535

/** What this server's operator allows. */
export interface AddressPolicy {
  /** Private and loopback addresses may be reached: test federations, closed networks. */
  readonly allowPrivateNetwork: boolean
  /** Pages that people link to may be read without TLS; nothing that servers tell one another may. */
  readonly allowHttp?: boolean
}

/**
 * The URL, if this server may ask it.
 * @throws OutboundError `blocked`.
 */
export function checkOutboundUrl(text: string, policy: AddressPolicy): URL {
  const url = URL.parse(text)
  if (url === null) throw blocked('not a URL')
  const isHttp = url.protocol === 'http:' && policy.allowHttp === true
  if (url.protocol !== 'https:' && !isHttp) throw blocked(`scheme ${url.protocol}`)
  if (url.username !== '' || url.password !== '') throw blocked('a URL with credentials')
  checkEndpoint(url.hostname, url.port === '' ? (isHttp ? HTTP_PORT : HTTPS_PORT) : Number(url.port), policy)
  return url
}

/**
 * Checks a host (as `URL.hostname` writes it: addresses in their one canonical notation, IPv6 in brackets) and a port.
 * @throws OutboundError `blocked`.
 */
export function checkEndpoint(hostname: string, port: number, policy: AddressPolicy): void {
  if (!Number.isInteger(port) || port < 1 || port > MAX_PORT || BAD_PORTS.has(port)) throw blocked(`port ${port}`)
  if (hostname === '') throw blocked('no host')
  if (!policy.allowPrivateNetwork && !isPublicHost(hostname)) throw blocked('an address that is not public')
}

/** Whether a host is a public address, or a name that may lead to one. */
export function isPublicHost(hostname: string): boolean {
  if (hostname.startsWith('[')) return isPublicIpv6(hostname.slice(1, -1))
  if (isIpv4Literal(hostname)) return isPublicIpv4(ipv4Number(hostname))
  return !CLOSED_NAME.test(hostname)
}

/** Whether an address, without brackets, is public. */
export function isPublicAddress(address: string): boolean {
  return isIpv4Literal(address) ? isPublicIpv4(ipv4Number(address)) : isIpv6Literal(address) && isPublicIpv6(address)
}

function isPublicIpv4(address: number): boolean {
  return !CLOSED_IPV4.some(([network, bits]) => {
    const size = 2 ** (32 - bits)
    return Math.floor(address / size) === Math.floor(ipv4Number(network) / size)
  })
}

function ipv4Number(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

/** Only global unicast (2000::/3) is public, without its special parts; forms that carry an IPv4 address are as public as that one. */
function isPublicIpv6(address: string): boolean {
  const groups = ipv6Groups(address)
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const embedded = (high: number, low: number): boolean => isPublicIpv4(high * 65_536 + low)
  // Mapped (::ffff:0:0/96), the translations of RFC 2765 and RFC 6052 (NAT64), and 6to4.
  if (a === 0 && b === 0 && c === 0 && d === 0 && ((e === 0 && f === 0xffff) || (e === 0xffff && f === 0))) return embedded(g, h)
  if (a === 0x64 && b === 0xff9b) return c === 0 && d === 0 && e === 0 && f === 0 && embedded(g, h)
  if (a === 0x2002) return embedded(b, c)
  // Teredo, ORCHID, benchmarks and other protocol assignments; documentation.
  if (a === 0x2001 && b < 0x200) return false
  if ((a === 0x2001 && b === 0xdb8) || (a === 0x3fff && b < 0x1000)) return false
  return a >= 0x2000 && a <= 0x3fff
}

/** The eight groups of an IPv6 address in any notation. */
function ipv6Groups(address: string): number[] {
  const [head = '', tail] = address.split('::', 2)
  const left = groupsOf(head)
  if (tail === undefined) return left
  const right = groupsOf(tail)
  return [...left, ...new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0), ...right]
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const number = ipv4Number(group)
    return [Math.floor(number / 65_536), number % 65_536]
  })
}

function blocked(what: string): OutboundError {
  return new OutboundError('blocked', `not connecting: ${what}`)
}
