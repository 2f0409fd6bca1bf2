/** The looks of the page, light and dark, and what it does when it is used. */

export const style = `
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d2128;--soft:#5d6672;--line:#e2e0da;--pass:#1a7f45;--must:#b3261e;--should:#8f5a00;--crash:#8c1d8c;--warn:#fdf3dc}
@media (prefers-color-scheme:dark){:root{--paper:#14171b;--card:#1b1f25;--ink:#e8eaed;--soft:#9aa4b1;--line:#2d333b;--pass:#5fcf8e;--must:#ff8a80;--should:#e8b04a;--crash:#e79be7;--warn:#2b2516}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header{padding:1.2rem 1rem .4rem;max-width:70rem}
h1{margin:0 0 .4rem;font-size:1.5rem}
header p{margin:.4rem 0;overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,monospace;font-size:.85em}
.note{background:var(--warn);padding:.5rem .8rem;border-radius:6px}
.legend,header form{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem}
header form{margin:.8rem 0}
select{font:inherit}
.grid{overflow:auto;max-height:100vh;max-height:100dvh;border-top:1px solid var(--line)}
table{border-collapse:separate;border-spacing:0;background:var(--card);font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--line);padding:.15rem .4rem;text-align:center;font-weight:400}
tbody th,thead th:first-child{position:sticky;left:0;background:var(--card);text-align:left;z-index:1;min-width:9rem;max-width:34rem;border-right:1px solid var(--line)}
thead th{position:sticky;top:0;background:var(--card);vertical-align:bottom;z-index:2}
thead th:first-child{z-index:3;vertical-align:bottom}
thead span{writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap;text-align:left;font-weight:600}
small{color:var(--soft);font-weight:400}
thead small{margin-block-start:.3rem;display:block}
.title{color:var(--soft)}
.chapter>*{background:var(--paper);font-weight:650;padding-top:.6rem}
tbody tr.chapter th{background:var(--paper)}
td a{display:block;min-width:1.6rem;text-decoration:none;border-radius:4px}
td a:hover,td a:focus-visible{outline:2px solid currentColor}
.pass{color:var(--pass)}.must,.fault{color:var(--must);font-weight:700}.should{color:var(--should)}.may,.skipped{color:var(--soft)}.crash{color:var(--crash);font-weight:700}
.only tr:not(.failing,.chapter,thead *,.summary *),[hidden]{display:none}
dialog{width:min(75rem,calc(100vw - 1rem));max-height:calc(100dvh - 1rem);padding:1rem;border:1px solid var(--line);border-radius:10px;background:var(--card);color:var(--ink)}
dialog::backdrop{background:#0008}
dialog form{float:right}
dialog button{font:inherit;border:1px solid var(--line);border-radius:6px;background:none;color:inherit;min-width:2rem;min-height:2rem}
dialog h2{margin:0;font-size:1.15rem}
dialog h3{margin:.6rem 0 .2rem;font-size:.95rem}
dialog p{margin:.4rem 0;overflow-wrap:anywhere}
.wire{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem}
.wire>*{min-width:0}
pre{margin:0;padding:.6rem;overflow:auto;max-height:60vh;background:var(--paper);border:1px solid var(--line);border-radius:6px}
@media (max-width:45rem){.title{display:none}tbody th,thead th:first-child{min-width:0}.wire{grid-template-columns:1fr}}
`

export const script = `
const byId = (id) => document.getElementById(id)
const dialog = document.querySelector('dialog')
const packed = Uint8Array.from(atob(byId('details').textContent), (char) => char.charCodeAt(0))
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))
const details = new Response(unpacked).json()

const add = (parent, tag, text) => parent.appendChild(Object.assign(document.createElement(tag), { textContent: text ?? '' }))

async function show() {
  const [subject, id] = location.hash.slice(1).split('/').map(decodeURIComponent)
  const result = (await details)[subject]?.[id]
  if (!result) return dialog.close()
  const one = byId('one')
  one.replaceChildren()
  add(one, 'h2', id + ' on ' + subject).id = 'what'
  add(one, 'p', 'An intermediary ' + result.title + '.')
  add(one, 'p', result.level + ', ' + result.rule + ': ' + result.said)
  if (result.why) add(one, 'p', result.why)
  if (result.deviation) add(one, 'p', 'Known: ' + result.deviation)
  if (result.variants) {
    const list = add(one, 'details')
    add(list, 'summary', result.variants.length + ' variants')
    for (const { name, verdict, why } of result.variants) add(list, 'div', name + ': ' + verdict + (why ? ', ' + why : ''))
  }
  if (result.client || result.origin) {
    const wire = add(one, 'div')
    wire.className = 'wire'
    for (const side of ['client', 'origin']) {
      const half = add(wire, 'div')
      add(half, 'h3', side === 'client' ? 'As the client saw it' : 'As the origin saw it')
      add(half, 'pre', result[side])
    }
  }
  if (!dialog.open) dialog.showModal()
}

function filter() {
  document.querySelector('table').classList.toggle('only', byId('failing').checked)
  for (const body of document.querySelectorAll('tbody[data-chapter]')) {
    const other = byId('chapter').value !== '' && byId('chapter').value !== body.dataset.chapter
    body.hidden = other || (byId('failing').checked && !body.querySelector('.failing'))
  }
}

addEventListener('hashchange', show)
dialog.addEventListener('close', () => { if (location.hash) history.replaceState(null, '', ' ') })
dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close() })
byId('chapter').addEventListener('input', filter)
byId('failing').addEventListener('input', filter)
filter()
if (location.hash) show()
`
