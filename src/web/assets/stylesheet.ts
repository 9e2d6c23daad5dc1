/** The one stylesheet of the pages: tokens first, light and dark as the browser says. */
export const STYLESHEET = `
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #fff; --text: #1b1d22; --muted: #545a66; --line: #c9ced8;
  --accent: #0b5f47; --on-accent: #fff; --danger: #a3182b; --notice: #e3f2ec; --warning: #fdf0d8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --card: #1d2026; --text: #eceef2; --muted: #aab1bd; --line: #464c58;
    --accent: #5cc9a0; --on-accent: #06281d; --danger: #ff8d97; --notice: #17322a; --warning: #3a2f18;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 2rem auto; padding: 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: 0 0 1rem; }
a { color: var(--accent); }
label { display: block; font-weight: 600; margin-top: 1rem; }
.check { display: flex; gap: .5rem; align-items: baseline; font-weight: 400; }
.help, .muted { color: var(--muted); font-size: .9rem; margin: .25rem 0 0; }
p.muted, form + p { margin: .25rem 0 1rem; }
form + p, form + form { margin-top: 1rem; }
input:not([type=checkbox]) { width: 100%; margin-top: .25rem; padding: .6rem .75rem; font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: .5rem; }
button { margin-top: 1.25rem; padding: .6rem 1.25rem; font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent); border: 1px solid transparent; border-radius: .5rem; cursor: pointer; }
button.plain { color: var(--accent); background: transparent; border-color: var(--line); }
button.danger { color: var(--danger); background: transparent; border-color: var(--danger); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; }
.notice, .error, .warning { padding: .75rem 1rem; border-radius: .5rem; margin-bottom: 1rem; }
.notice { background: var(--notice); }
.warning { background: var(--warning); }
.error { color: var(--danger); border: 1px solid currentColor; }
dl { margin: 0 0 1rem; display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
ul.sessions { list-style: none; margin: 0; padding: 0; }
ul.sessions li { padding: .75rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; }
`
