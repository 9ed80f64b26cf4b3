/** Texts that many tasks share, by number; number 0 is the empty one. Texts are never forgotten. */
export class TextPool {
  readonly #numbers = new Map<string, number>([['', 0]])
  readonly #texts: string[] = ['']

  /** In the order of their numbers. */
  static of(texts: readonly string[]): TextPool {
    const pool = new TextPool()
    for (const text of texts) pool.numberOf(text)
    return pool
  }

  numberOf(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.#texts.length)
    return this.#texts.push(text) - 1
  }

  /** Of a number that was given out. */
  text(number: number): string {
    return this.#texts[number] ?? ''
  }

  get texts(): readonly string[] {
    return this.#texts
  }
}
