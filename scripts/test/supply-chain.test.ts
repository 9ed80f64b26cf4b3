import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { PROGRAMS } from '../bundling/ensure-bundles.ts'
import { ROOT } from '../checks.ts'
import { auditProblems, readAudit, type Advisory } from '../supply-chain/audit.ts'
import { checkSupplyChain } from '../supply-chain/check-supply-chain.ts'
import { licenceProblems, licencesOf } from '../supply-chain/licences.ts'
import { foreignPackages, lockProblems, readLockFile } from '../supply-chain/lock-file.ts'
import { productionPackages } from '../supply-chain/production.ts'
import { sbomOf } from '../supply-chain/sbom.ts'

const lock = readLockFile(ROOT)

describe('the supply chain', () => {
  it('holds', () => {
    for (const { name, problems } of checkSupplyChain(ROOT, false, '2026-11-30')) assert.deepEqual(problems, [], name)
  })

  describe('lock file', () => {
    it('has a digest of every package, and names no host', () => {
      assert.ok(foreignPackages(lock).length > 500)
      assert.deepEqual(lockProblems(lock), [])
      assert.doesNotMatch(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'), /"resolved": "[a-z+]+:/)
    })

    it('is broken by a package without a strong digest, or one that names its registry', () => {
      const [path, locked] = foreignPackages(lock)[0] ?? assert.fail()
      const broken = (change: object): string => lockProblems({ ...lock, packages: { [path]: { ...locked, ...change } } }).join()
      assert.match(broken({ integrity: undefined }), /has no SHA-512/)
      assert.match(broken({ integrity: 'sha1-aaaaaaaaaaaaaaaaaaaaaaaaaaa=' }), /has no SHA-512/)
      assert.match(broken({ resolved: 'https://registry.invalid/a.tgz' }), /names where it comes from/)
    })
  })

  describe('licences', () => {
    it('are allowed for all that the programs run with', () => {
      const packages = productionPackages(ROOT, lock, PROGRAMS)
      assert.ok(packages.some(({ name }) => name === 'libp2p') && packages.some(({ name }) => name === '@damselfly/exchange'))
      assert.ok(!packages.some(({ name }) => name === 'mocha'))
      assert.deepEqual(licenceProblems(licencesOf(ROOT, packages), []), [])
    })

    it('need one allowed way of an alternative, and all parts of a combination', () => {
      const problems = (licence: string | undefined): number => licenceProblems([{ name: 'a', licence }], []).length
      for (const fine of ['MIT', 'GPL-3.0-only OR MIT', '(MIT AND ISC)', 'MIT AND (ISC OR AGPL-3.0-only)']) assert.equal(problems(fine), 0, fine)
      for (const refused of ['GPL-3.0-only', 'MIT AND GPL-2.0-only', 'SEE LICENSE IN LICENSE', 'Apache-2.0 WITH LLVM-exception', undefined]) assert.equal(problems(refused), 1)
    })

    it('have exceptions only where one is needed, for the very licence', () => {
      const exception = { name: 'a', licence: 'MPL-2.0', why: 'its files are not changed' }
      assert.deepEqual(licenceProblems([{ name: 'a', licence: 'MPL-2.0' }], [exception]), [])
      assert.match(licenceProblems([{ name: 'a', licence: 'MIT' }], [exception]).join(), /needed no more/)
      assert.match(licenceProblems([{ name: 'a', licence: 'GPL-3.0-only' }], [exception]).join(), /not among the allowed.*needed no more/)
    })
  })

  describe('audit', () => {
    const hole: Advisory = { id: 'GHSA-aaaa-bbbb-cccc', name: 'a', title: 'reads too much', severity: 'high' }
    const exception = { advisory: hole.id, why: 'we never call it', expires: '2027-01-31' }

    it('reads what npm reports, each hole once', () => {
      const via = [{ source: 1, name: 'a', url: `https://github.com/advisories/${hole.id}`, title: hole.title, severity: hole.severity, range: '<2' }]
      assert.deepEqual(readAudit(JSON.stringify({ vulnerabilities: { a: { via }, b: { via: ['a'] }, c: { via } } })), [{ ...hole, name: 'c' }])
      assert.deepEqual(readAudit('{"vulnerabilities":{}}'), [])
      assert.equal(readAudit('{"message":"405 Method Not Allowed"}'), undefined)
      assert.equal(readAudit(''), undefined)
    })

    it('is broken by a hole that nobody explains', () => {
      assert.match(auditProblems([hole], [], '2026-11-30').join(), /a has a known hole \(high\): reads too much/)
      assert.deepEqual(auditProblems([hole], [exception], '2027-01-30'), [])
    })

    it('is broken by an exception that expired, or is needed no more', () => {
      assert.match(auditProblems([hole], [exception], '2027-01-31').join(), /expired on 2027-01-31/)
      assert.match(auditProblems([], [exception], '2026-11-30').join(), /needed no more/)
    })
  })

  describe('bill of materials', () => {
    for (const program of PROGRAMS) {
      it(`of ${program} is valid CycloneDX 1.6 and names every package with version, licence, address and digest`, async () => {
        const sbom = sbomOf(ROOT, program)
        assert.equal(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(JSON.stringify(sbom)), null)
        const components = sbom['components'] as readonly Record<string, unknown>[]
        const packages = productionPackages(ROOT, lock, [program]).filter(({ path }) => path !== program)
        const libraries = components.filter(({ type }) => type === 'library')
        assert.deepEqual(libraries.map(({ name, version }) => `${String(name)}@${String(version)}`).toSorted(), packages.map(({ name, version }) => `${name}@${version}`).toSorted())
        for (const { purl, licenses, hashes, name } of components) {
          assert.match(String(purl), /^pkg:npm\/(%40[^/]+\/)?[^/@]+@\d/)
          assert.ok(licenses !== undefined, `${String(name)} has no licence`)
          // What is made here has no archive that could have a digest.
          assert.equal(hashes === undefined, String(name).startsWith('@damselfly/'), String(name))
        }
      })
    }

    it('is the same each time', () => {
      assert.deepEqual(sbomOf(ROOT, 'dfget'), sbomOf(ROOT, 'dfget'))
    })
  })
})
