import { table } from '../../../scripts/reference/page.ts'
import type { Bench } from '../bench.ts'
import type { Figure } from '../figure.ts'
import { formatCommit, formatGoal, formatSpread, formatValue } from '../format.ts'
import type { SavedResult } from '../saved-results.ts'
import { list, paragraph } from './markdown.ts'

/** One benchmark's part of the page; paragraphs. */
export function benchSection(bench: Bench, result: SavedResult | undefined): readonly string[] {
  const { name, title, explanation } = bench
  const { about, ways, reading = [], limits, findings = [] } = explanation
  return [
    `## ${name}`,
    paragraph(`${title}.`),
    ...about.map(paragraph),
    table(['way', 'what happens'], Object.entries(ways).map(([way, what]) => [way, oneLine(what)])),
    ...(result === undefined ? [`Not measured yet: \`npm run bench -- ${name} --save\`.`] : resultParagraphs(bench, result)),
    ...(reading.length === 0 ? [] : ['How to read it:', list(reading)]),
    ...findings.flatMap(({ title: heading, paragraphs }) => [`### ${heading}`, ...paragraphs.map(paragraph)]),
    'What this does not show:',
    list(limits),
  ]
}

function resultParagraphs({ name, title }: Bench, result: SavedResult): readonly string[] {
  const withGoal = result.figures.filter(({ goal }) => goal !== undefined)
  const others = result.figures.filter(({ goal }) => goal === undefined)
  return [
    `![${title}](performance/${name}.svg)`,
    ...(withGoal.length === 0 ? [] : [table(['goal', 'median', 'spread', 'should be', ''], withGoal.map(goalRow))]),
    ...(others.length === 0 ? [] : [folded('The other figures', table(['figure', 'median', 'spread'], others.map(figureRow)))]),
    paragraph(circumstances(result)),
  ]
}

/** What only some readers want to see; GitHub shows it when it is clicked. */
function folded(summary: string, text: string): string {
  return `<details><summary>${summary}</summary>\n\n${text}\n\n</details>`
}

function goalRow(figure: Figure): readonly string[] {
  return [...figureRow(figure), formatGoal(figure), figure.met === true ? 'met' : '**missed**']
}

function figureRow(figure: Figure): readonly string[] {
  return [figure.id, formatValue(figure), formatSpread(figure.samples)]
}

function circumstances({ machine, commit, measuredAt, seconds, loadBefore, programs, figures }: SavedResult): string {
  const { cpu, cores, memory, os, node } = machine
  const rounds = Math.max(0, ...figures.map(({ samples }) => samples.length))
  const others = Object.entries(programs).map(([name, version]) => `${name} ${version}`)
  return `Measured on ${measuredAt.slice(0, 10)} at ${measuredAt.slice(11, 16)} UTC, ${rounds} samples a figure, ${seconds} s in
    all; commit \`${formatCommit(commit)}\`; ${cores} cores of ${cpu} with ${Math.round(memory / 2 ** 30)} GiB, ${os}, Node.js ${node}${others.map((one) => `, ${one}`).join('')}.
    Load before it began: ${loadBefore.toFixed(2)}.`
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
