/** A page or a redirect as a browser would see it. */
export interface Visit {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Where the answer sends the browser, if it does. */
  readonly location: string | undefined
}

/** A form of a page: where it goes and what its fields hold. */
export interface PageForm {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_whole, name: string) => ENTITIES[name] ?? '')
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : unescaped(value)
}

/** The forms of a page that are sent by POST. */
export function formsOf(html: string): PageForm[] {
  return Array.from(html.matchAll(/<form method="post"([^>]*)>([\s\S]*?)<\/form>/g), ([, head = '', body = '']) => {
    const tags = Array.from(body.matchAll(/<input\b[^>]*>/g), ([tag]) => tag).filter(
      (tag) => !/type="checkbox"/.test(tag) || /\schecked/.test(tag),
    )
    const inputs = tags.map((tag) => [attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? ''])
    return { action: attribute(head, 'action') ?? '', fields: Object.fromEntries(inputs) }
  })
}

/** A browser without scripts: keeps cookies, reads forms, and never follows a redirect by itself. */
export class FormBrowser {
  readonly cookies = new Map<string, string>()
  readonly #origin: string
  readonly #fetch: (request: Request) => Promise<Response>

  constructor(origin: string, fetcher: (request: Request) => Promise<Response>) {
    this.#origin = origin
    this.#fetch = fetcher
  }

  async #visit(path: string, init: RequestInit & { readonly headers?: Record<string, string> }): Promise<Visit> {
    const headers = new Headers(init.headers)
    if (this.cookies.size > 0) headers.set('Cookie', Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join('; '))
    const response = await this.#fetch(new Request(new URL(path, this.#origin), { ...init, headers, redirect: 'manual' }))
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (/;\s*Max-Age=0/.test(cookie)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, location: response.headers.get('location') ?? undefined }
  }

  get(path: string): Promise<Visit> {
    return this.#visit(path, { method: 'GET' })
  }

  /** Sends fields to a path, as they are. */
  post(path: string, fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}): Promise<Visit> {
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
    return this.#visit(path, { method: 'POST', body: new URLSearchParams(fields).toString(), headers: { ...type, ...headers } })
  }

  /** Fills in the form of a page that goes to `action` and sends it. */
  async submit(page: Visit, action: string, fields: Readonly<Record<string, string>>): Promise<Visit> {
    const form = formsOf(page.text).find((one) => one.action === action)
    if (form === undefined) throw new Error(`no form for ${action} on a page with status ${page.status}: ${page.text.slice(0, 2_000)}`)
    return await this.post(action, { ...form.fields, ...fields })
  }

  /** Follows redirects within the server until there is a page, or one that leads elsewhere. */
  async follow(visit: Visit): Promise<Visit> {
    let current = visit
    for (let hops = 0; hops < 10 && current.location !== undefined; hops += 1) {
      if (!current.location.startsWith('/')) return current
      current = await this.get(current.location)
    }
    return current
  }
}
