import { ROOT } from './checks.ts'
import { checkSupplyChain } from './supply-chain/check-supply-chain.ts'

const offline = process.argv.includes('--offline')
for (const { name, problems, says, skipped } of checkSupplyChain(ROOT, !offline, new Date().toISOString().slice(0, 10))) {
  process.stdout.write(`${skipped ? 'skipped' : problems.length === 0 ? 'holds  ' : 'BROKEN '}  ${name}: ${says}\n${problems.map((line) => `  ${line}\n`).join('')}`)
  if (problems.length > 0) process.exitCode = 1
}
