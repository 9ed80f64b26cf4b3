/** How often each name was met, in the order in which they were first met. */
export function countsOf<T>(items: readonly T[], nameOf: (item: T) => string): string {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1)
  return Array.from(counts, ([name, count]) => `${count} ${name}`).join(', ')
}
