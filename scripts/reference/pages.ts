import { commandLinesPage } from './command-lines.ts'
import { errorsPage } from './errors.ts'
import { httpApisPage } from './http-apis.ts'
import { metricsPage } from './metrics.ts'
import type { Page } from './page.ts'
import { settingsPages } from './settings.ts'

/** Every generated page. */
export const REFERENCE_PAGES: readonly Page[] = [...settingsPages(), errorsPage, commandLinesPage, httpApisPage, metricsPage]
