/** Is A better than B? Two targets are picked, and what this run says of them stands there: on the page, and in a terminal. */

import { escapeText } from '@relayrace/fixtures/escape'
import type { Summary } from './summary.ts'
import { figuresOf, type Told, tell, toldText } from './verdicts.ts'

/** What any two targets have to do with each other, by the headline of each scenario. */
export interface Verdicts {
  readonly names: readonly string[]
  readonly scenarios: readonly {
    readonly title: string
    readonly metric: string
    readonly pairs: readonly Verdict[]
  }[]
}

/** Of the first by the second; `low` and `high` are 0 where there is no interval. */
type Verdict = readonly [
  first: number,
  second: number,
  ratio: number,
  low: number,
  high: number,
  rounds: number,
  leftOut: number,
  verdict: Told['verdict'],
  why: string,
]

const short = (value: number): number => Number(value.toPrecision(4))

export function verdictsOf({ results, scenarios }: Summary): Verdicts {
  const names = results.targets.flatMap(({ name, absent }) => (absent === null ? name : []))
  return {
    names,
    scenarios: scenarios.map(({ record, headline, rows }) => {
      const figures = figuresOf(results, record, headline)
      const measured = names.filter((name) => rows.some(({ target }) => target.name === name))
      return {
        title: record.title,
        metric: `${headline.label}, ${headline.unit}, ${headline.better} is better`,
        pairs: measured.flatMap((one, index) =>
          measured.slice(index + 1).map((other): Verdict => {
            const { ratio, interval, rounds, leftOut, verdict, why } = tell(figures, one, other)
            const between = [short(interval?.low ?? 0), short(interval?.high ?? 0)] as const
            const place = [names.indexOf(one), names.indexOf(other)] as const
            return [
              ...place,
              rounds === 0 ? 0 : short(ratio),
              ...between,
              rounds,
              leftOut,
              verdict,
              why ?? '',
            ]
          }),
        ),
      }
    }),
  }
}

/** Rows for the page: scenario, how much, what follows. It runs there, so it knows nothing but what it is given. */
export function rowsFor(data: Verdicts, a: string, b: string): string[][] {
  const [first, second] = [data.names.indexOf(a), data.names.indexOf(b)]
  const turned = first > second
  const opposite: Record<string, string> = { better: 'worse', worse: 'better' }
  return data.scenarios.map(({ title, metric, pairs }) => {
    const found = pairs.find(([one, other]) =>
      turned ? one === second && other === first : one === first && other === second,
    )
    if (found === undefined) return [title, metric, '–', first === second ? 'the same' : 'not measured']
    const [, , ratio, low, high, rounds, leftOut, verdict, why] = found
    if (why !== '') return [title, metric, '–', `no verdict: ${why}`]
    const [times, from, to] = turned ? [1 / ratio, 1 / high, 1 / low] : [ratio, low, high]
    const without = leftOut === 0 ? '' : `, ${leftOut} more without one of them`
    const much = `${times.toPrecision(3)} × (95 %: ${from.toPrecision(3)} to ${to.toPrecision(3)}; ${rounds} rounds${without})`
    return [title, metric, much, turned ? (opposite[verdict] ?? verdict) : verdict]
  })
}

/** Hidden where there are no scripts; the tables say the same of the base. */
export function picker(summary: Summary): string {
  const data = verdictsOf(summary)
  const options = data.names.map((name) => `<option>${escapeText(name)}</option>`).join('')
  const select = (id: string, label: string): string =>
    `<label>${label} <select id="${id}">${options}</select></label>`
  return `<section id="versus"><h2>Any two</h2>
<noscript><p>Picking takes scripts. In a terminal: <code>npm run bench -- --report FOLDER --versus A,B</code>.</p></noscript>
<form hidden>${select('one', 'Is')} ${select('other', 'better than')}</form>
<div class="scroll"><table hidden><thead><tr><th scope="col">Question</th><th scope="col">Figure</th><th scope="col">First by second</th><th scope="col">Verdict</th></tr></thead><tbody aria-live="polite"></tbody></table></div>
<p class="question">Equal is what lies no farther apart than a target from itself in this run. Each verdict is for a question that you had before you looked: of twenty such, one may find a difference that is none.</p>
<script type="application/json" id="verdicts">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script></section>`
}

export const pickerScript: string = `{const rowsFor=${rowsFor.toString()};
const part=document.querySelector('#versus'),data=JSON.parse(document.querySelector('#verdicts').textContent);
const [form,table]=[part.querySelector('form'),part.querySelector('table')],[one,other]=form.querySelectorAll('select');
const show=()=>table.tBodies[0].replaceChildren(...rowsFor(data,one.value,other.value).map((row)=>{const line=document.createElement('tr');line.append(...row.map((text,i)=>{const cell=document.createElement(i?'td':'th');cell.textContent=text;return cell}));return line}));
other.selectedIndex=Math.min(1,other.options.length-1);form.onchange=show;form.hidden=table.hidden=false;show()}`

/** The same for a terminal. */
export function versusText({ results, scenarios }: Summary, [one, other]: readonly [string, string]): string {
  const lines = scenarios.map(({ record, headline }) => {
    const told = tell(figuresOf(results, record, headline), one, other)
    return `  ${record.name}, ${headline.label}: ${toldText(told, other)}`
  })
  return [`${one} beside ${other}`, ...lines].join('\n')
}
