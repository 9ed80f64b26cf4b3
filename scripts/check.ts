import { CHECKS, holds } from './checks.ts'

for (const check of CHECKS) {
  if (!(await holds(check))) process.exitCode = 1
}
if (process.exitCode === undefined) process.stdout.write('All checks hold.\n')
