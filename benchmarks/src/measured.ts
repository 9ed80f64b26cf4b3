/** Something that only grows: CPU-seconds, bytes sent. */
export type Meter = () => Promise<number>

export interface Measured<Name extends string, Result> {
  /** Seconds on the clock. */
  readonly wall: number
  /** By how much each meter went on. */
  readonly used: Readonly<Record<Name, number>>
  readonly result: Result
}

/** What `work` takes. */
export async function measured<Name extends string, Result>(
  meters: Readonly<Record<Name, Meter>>,
  work: () => Promise<Result>,
): Promise<Measured<Name, Result>> {
  const before = await readAll(meters)
  const started = performance.now()
  const result = await work()
  const wall = (performance.now() - started) / 1000
  const after = await readAll(meters)
  const used = Object.fromEntries(before.map(([name, value], i) => [name, (after[i]?.[1] ?? value) - value]))
  return { wall, used: used as Record<Name, number>, result }
}

async function readAll(meters: Readonly<Record<string, Meter>>): Promise<readonly (readonly [string, number])[]> {
  return Promise.all(Object.entries(meters).map(async ([name, meter]) => [name, await meter()] as const))
}

/** The sum of what several meters show. */
export function sumOf(meters: readonly Meter[]): Meter {
  return async () => (await Promise.all(meters.map((meter) => meter()))).reduce((sum, value) => sum + value, 0)
}
