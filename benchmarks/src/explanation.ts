/**
 * What the page tells of a benchmark besides its results. Texts are Markdown; line breaks within them do not matter.
 * What was found belongs here too, since it is a person's judgement of the saved results.
 */
export interface Explanation {
  /** What it asks, and how it finds the answer; paragraphs. */
  readonly about: readonly string[]
  /** What is compared: what happens in each way, by its name. */
  readonly ways: Readonly<Record<string, string>>
  /** How to read figures that do not explain themselves; list items. @default none */
  readonly reading?: readonly string[]
  /** What it does not show; list items. */
  readonly limits: readonly string[]
  /** What is drawn: one panel below the other. A bar whose figure is missing from the results is left out. */
  readonly plot: readonly Panel[]
  /** What the results mean, where time goes, what was tried. @default none */
  readonly findings?: readonly Finding[]
}

export interface Finding {
  readonly title: string
  readonly paragraphs: readonly string[]
}

/** Bars on one scale. Spread and goal come from the figures. */
export interface Panel {
  readonly title: string
  readonly bars: readonly Bar[]
  /** What the bars are to be seen in relation to. @default none */
  readonly line?: { readonly value: number; readonly label: string }
}

export interface Bar {
  readonly label: string
  /** The id of its figure. All figures of a panel have the same unit. */
  readonly figure: string
}
