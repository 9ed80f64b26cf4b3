import { pageText, table, type Page } from './page.ts'
import { askRunning } from './running-servers.ts'

export const metricsPage: Page = { name: 'metrics.md', write: metrics }

async function metrics(): Promise<string> {
  return pageText('Metrics', [
    'Both servers answer `/metrics` in the text format of Prometheus: the supernode on its management API (with the admin token), dfdaemon on\n' +
      'its unix socket. Besides what is listed both show the usual `process_*` and `nodejs_*` metrics: CPU, memory, open files, event loop.',
    '## supernode',
    await ownMetrics('supernode'),
    '## dfdaemon',
    await ownMetrics('dfdaemon'),
  ])
}

async function ownMetrics(server: 'supernode' | 'dfdaemon'): Promise<string> {
  const exposition = await askRunning(server, '/metrics')
  const rows = [...exposition.matchAll(/^# HELP (damselfly_\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name, help, type]) => {
    return [`\`${name}\``, type ?? '', help ?? '']
  })
  return rows.length === 0 ? 'None of its own so far.' : table(['Metric', 'Type', 'Meaning'], rows)
}
