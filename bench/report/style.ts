/** The looks of report.html, light and dark, on a screen and on paper. */
export const style = `
:root{--paper:#fbfaf8;--card:#fff;--ink:#1d2128;--soft:#5d6672;--line:#e2e0da;--grid:#ebe9e3;--ours:#0b6e8f;--theirs:#a7afb9;--floor:#dcd9d0;--dot:#1d212899;--best:#0b6e8f;--warn:#fdf3dc;--warnline:#e9cf8f}
@media (prefers-color-scheme:dark){:root{--paper:#14171b;--card:#1b1f25;--ink:#e8eaed;--soft:#9aa4b1;--line:#2d333b;--grid:#272c33;--ours:#4fb3d4;--theirs:#667180;--floor:#3b424c;--dot:#ffffffb3;--best:#6fc7e4;--warn:#2b2516;--warnline:#5d4d20}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
header,main,footer{max-width:84rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.5rem}
.eyebrow{margin:0;color:var(--ours);font-weight:600;letter-spacing:.02em}
h1{margin:.2rem 0 .6rem;font-size:clamp(1.6rem,1.1rem + 2.4vw,2.5rem);line-height:1.15;letter-spacing:-.02em;text-wrap:balance}
h2{margin:0 0 .3rem;font-size:1.35rem;letter-spacing:-.01em}
h2 code{font-size:.8rem;font-weight:400;color:var(--soft);margin-left:.3rem}
h3{margin:1.6rem 0 .4rem;font-size:1.05rem}
.lead{margin:0 0 1.2rem;color:var(--soft);max-width:46rem}
nav{display:flex;flex-wrap:wrap;gap:.4rem;padding-bottom:1.2rem;border-bottom:1px solid var(--line)}
nav a{padding:.25rem .7rem;border:1px solid var(--line);border-radius:99px;background:var(--card);color:inherit;text-decoration:none;font-size:.875rem}
nav a:hover,nav a:focus-visible{border-color:var(--ours);color:var(--ours)}
a{color:var(--ours)}
section{margin:1.5rem 0;padding:1.5rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
.cautions{margin:1.5rem 0;padding:1rem 1.5rem;background:var(--warn);border:1px solid var(--warnline);border-radius:12px}
.cautions h2{font-size:1rem}
.cautions ul{margin:.3rem 0;padding-left:1.1rem}
.question{margin:0 0 .8rem;font-size:1.1rem;color:var(--soft)}
.verdict{margin:0 0 1rem;padding-left:.9rem;border-left:3px solid var(--ours);max-width:50rem;overflow-wrap:anywhere}
figure{margin:1.2rem 0}
figcaption{margin-bottom:.6rem;font-size:.875rem;color:var(--soft)}
figcaption strong{color:var(--ink)}
.chart{display:block;max-width:100%;height:auto;overflow:visible}
.chart text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:var(--ink)}
.chart .tick{font-size:11.5px;fill:var(--soft)}
.chart .value{font-variant-numeric:tabular-nums}
.chart .grid{stroke:var(--grid)}
.chart .leader{stroke:var(--soft);stroke-width:.7}
.chart .strategy .label{font-weight:650;fill:var(--ours)}
.chart .control .label,.chart .control .value{fill:var(--soft);font-style:italic}
.strategy .bar,.strategy .spot{fill:var(--ours)}
.peer .bar,.peer .spot,.mount .bar,.mount .spot,.alternative .bar,.alternative .spot,.fault .bar,.fault .spot{fill:var(--theirs)}
.control .bar,.control .spot{fill:var(--floor)}
.chart .spot{stroke:var(--card);stroke-width:1.5}
.dot{fill:var(--dot)}
.whisker{fill:none;stroke:var(--ink);stroke-width:1.3}
.narrow{display:none}
.scroll{overflow-x:auto;margin:0 -1.5rem;padding:0 1.5rem}
table{width:100%;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.36rem .45rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th:first-child,.text{text-align:left}
td.text{white-space:normal;min-width:12rem}
thead th{vertical-align:bottom;font-weight:600;border-bottom-color:var(--soft)}
thead small{display:block;white-space:normal;font-weight:400;color:var(--soft)}
tbody th{font-weight:500;position:sticky;left:0;background:var(--card)}
tbody tr:hover>*{background:var(--paper)}
tr.strategy th{color:var(--ours);font-weight:650}
tr.control{color:var(--soft);font-style:italic}
td small{color:var(--soft)}
td.none{color:var(--soft)}
td.best span{font-weight:700;color:var(--best)}
td.best span::before{content:"★ ";font-size:.8em}
.equal span,span.equal{text-decoration:underline;text-decoration-color:var(--best);text-underline-offset:3px}
.legend{display:flex;gap:1.2rem;margin:.8rem 0 0;font-size:.85rem;color:var(--soft)}
.legend span::before{content:"";display:inline-block;width:.8rem;height:.8rem;margin-right:.4rem;border-radius:3px;vertical-align:-.08rem}
.legend .strategy::before{background:var(--ours)}.legend .peer::before{background:var(--theirs)}.legend .control::before{background:var(--floor)}
details{margin-top:1rem}
summary{cursor:pointer;color:var(--ours);font-size:.9rem}
.terms{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem;margin:1.2rem 0 0;font-size:.875rem}
.terms dt{color:var(--soft)}
dd{margin:0}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem;margin:1rem 0 0;font-size:.9rem}
.facts dt{color:var(--soft)}
.facts dd,.terms dd{overflow-wrap:anywhere}
.command{display:flex;gap:.6rem;align-items:center;margin-top:.8rem;padding:.7rem .9rem;background:var(--paper);border:1px solid var(--line);border-radius:8px}
.command code{flex:1;overflow-wrap:anywhere;font-size:.9rem}
code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace}
button{padding:.3rem .8rem;border:1px solid var(--line);border-radius:6px;background:var(--card);color:inherit;font:inherit;font-size:.85rem;cursor:pointer}
footer{padding-bottom:3rem;color:var(--soft);font-size:.875rem}
@media (max-width:70rem){.wide .chart{width:100%}}
@media (max-width:40rem){body{font-size:15px}header{padding-top:1.5rem}section,.cautions{padding:1.1rem;border-radius:10px}.scroll{margin:0 -1.1rem;padding:0 1.1rem}.wide{display:none}.narrow{display:block}.narrow .chart{width:100%}.terms,.facts{grid-template-columns:1fr;gap:.1rem}.terms dd,.facts dd{margin-bottom:.5rem}.command{flex-direction:column;align-items:stretch}}
@media print{body{background:#fff}section,.cautions{break-inside:avoid;border-color:#ccc}nav,button{display:none}}
`
