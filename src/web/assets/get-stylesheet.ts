import { STYLESHEET } from './stylesheet.ts'

/** `GET /account/style.css`. */
export function getStylesheet(): Response {
  return new Response(STYLESHEET, {
    headers: {
      'Content-Type': 'text/css; charset=utf-8',
      'Cache-Control': 'public, max-age=3600',
      'X-Content-Type-Options': 'nosniff',
    },
  })
}
