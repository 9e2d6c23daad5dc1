import type { PropsWithChildren } from 'hono/jsx'
import { messages } from '../messages/en.ts'

/** What every page has around its content. */
export interface LayoutProps {
  readonly title: string
  readonly serverName: string
}

/** A whole page: usable by keyboard, without scripts, and read in order by a screen reader. */
export function Layout({ title, serverName, children }: PropsWithChildren<LayoutProps>) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{`${title} – ${messages.serverTitle(serverName)}`}</title>
        <link rel="stylesheet" href="/account/style.css" />
      </head>
      <body>
        <a class="skip" href="#content">
          {messages.skip}
        </a>
        <main id="content">
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  )
}

/** A page before it is written out. */
export type PageElement = ReturnType<typeof Layout>
