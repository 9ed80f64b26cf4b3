import assert from 'node:assert/strict'
import { anchor, list, paragraph } from '../src/page/markdown.ts'

describe('Markdown', () => {
  it('is laid into lines of 120 characters, whatever lines it was written in', () => {
    const words = Array.from({ length: 100 }, (_, i) => `word${i}`)
    const laid = paragraph(words.join('\n   '))
    assert.deepEqual(laid.split(/\s/), words)
    assert.ok(laid.split('\n').every(({ length }) => length <= 120))
    assert.equal(paragraph('a\nb'), 'a b')
  })

  it('keeps a word that is longer than a line', () => {
    const link = 'x'.repeat(200)
    assert.equal(paragraph(`see ${link} there`), `see\n${link}\nthere`)
  })

  it('indents the following lines of a list item', () => {
    const [first, second] = list([Array.from({ length: 40 }, () => 'word').join(' '), 'next']).split('\n')
    assert.match(first ?? '', /^- word/)
    assert.match(second ?? '', /^ {2}word/)
  })

  it('links to headings', () => {
    assert.equal(anchor('Swarm of eight, cold'), 'swarm-of-eight-cold')
  })
})
