import { MAX_PROPERTIES, MAX_PROPERTY_CHARS } from './limits.ts'

/** What a page says of itself: properties of OpenGraph by name, `og:title` and `og:description` also where it says them otherwise. */
export type PageProperties = ReadonlyMap<string, string>

const SNIFFED_CHARS = 2_048
const LATIN1 = new TextDecoder('latin1')

/** Reads a page's head. @param contentType of the answer; its charset wins over the page's own. */
export async function readPage(bytes: Uint8Array, contentType: string): Promise<PageProperties> {
  const head = LATIN1.decode(bytes.subarray(0, SNIFFED_CHARS))
  const named = /charset\s*=\s*["']?([\w-]{1,40})/i
  const text = decoderFor(named.exec(contentType)?.[1] ?? named.exec(head)?.[1]).decode(bytes)
  const reader = new HeadReader()
  const page = new Response(text, { headers: { 'content-type': 'text/html; charset=utf-8' } })
  // What comes out is the page again; nobody wants it.
  await reader.rewriter().transform(page).text()
  return reader.properties()
}

/** A decoder that never fails: what it does not know is read as UTF-8, what cannot be is replaced. */
function decoderFor(label: string | undefined): TextDecoder {
  try {
    return new TextDecoder(label ?? 'utf-8')
  } catch {
    return new TextDecoder('utf-8')
  }
}

class HeadReader {
  readonly #properties = new Map<string, string>()
  #title = ''
  #titles = 0
  #description: string | undefined

  rewriter(): HTMLRewriter {
    return new HTMLRewriter().on('meta', { element: (element) => this.#meta(element) }).on('title', {
      element: () => {
        this.#titles += 1
      },
      // Later ones are of drawings in the page.
      text: ({ text }) => {
        if (this.#titles === 1 && this.#title.length < MAX_PROPERTY_CHARS) this.#title += text
      },
    })
  }

  properties(): PageProperties {
    const otherwise = { 'og:title': decoded(this.#title), 'og:description': this.#description ?? '' }
    for (const [name, value] of Object.entries(otherwise)) {
      const text = cleaned(value)
      if (!this.#properties.has(name) && text !== '') this.#properties.set(name, text)
    }
    return this.#properties
  }

  #meta(element: Element): void {
    const content = element.getAttribute('content')
    if (content === null) return
    const property = element.getAttribute('property')?.trim().toLowerCase() ?? ''
    if (element.getAttribute('name')?.trim().toLowerCase() === 'description') this.#description ??= decoded(content)
    if (!/^og:[a-z0-9_:]{1,60}$/.test(property) || this.#properties.has(property) || this.#properties.size >= MAX_PROPERTIES) return
    const text = cleaned(decoded(content))
    if (text !== '') this.#properties.set(property, text)
  }
}

function cleaned(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_PROPERTY_CHARS).toWellFormed()
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }
const MAX_CODE_POINT = 0x10ffff

/** Text of HTML whose entities the rewriter leaves as they are. */
function decoded(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return ENTITIES[name.toLowerCase()] ?? whole
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16)
    return code > 0 && code <= MAX_CODE_POINT ? String.fromCodePoint(code) : whole
  })
}
