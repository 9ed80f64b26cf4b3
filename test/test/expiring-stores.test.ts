import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createImage,
  pushImage,
  RedirectingRegistry,
  REGISTRY_USER,
  RegistryPush,
  RegistryServer,
  whyNoRegistryServer,
} from '@damselfly/cdn/testing/registry'
import { createSkopeo, Lab, missingPrograms } from '@damselfly/test'

const MIB = 1024 * 1024
const GOOD_FOR = 2 * MIB
const NAME = 'private.test:5000'
const image = createImage([5 * MIB, 7 * MIB])

describe('a private registry that redirects to a store by URLs that expire, through a daemon', function () {
  this.timeout(180_000)
  let storage: string
  let registry: RegistryServer
  let redirecting: RedirectingRegistry
  let lab: Lab

  before(async function () {
    if ((await whyNoRegistryServer()) !== undefined || (await missingPrograms(['skopeo'])).length > 0) this.skip()
    storage = await mkdtemp(join(tmpdir(), 'damselfly-images-'))
    const open = await RegistryServer.start({ storage })
    await pushImage(new RegistryPush(open.authority, 'team/app'), '1', image)
    await open.stop()
    registry = await RegistryServer.start({ storage, auth: { type: 'passwords' } })
    redirecting = await RedirectingRegistry.start(registry.authority, [image.config, ...image.layers], GOOD_FOR)
    lab = await Lab.create()
  })
  after(async () => {
    await lab?.stop()
    await redirecting?.stop()
    await registry?.stop()
    if (storage !== undefined) await rm(storage, { recursive: true })
  })

  for (const way of ['with a supernode', 'alone']) {
    it(`gives the image to who may have it ${way}, asks for a new URL where one has expired, and tells the store no password`, async () => {
      redirecting.storeQuestions.splice(0)
      // The store's address is private too, and is no host that anybody asked for.
      const origins = { registries: [{ host: NAME, endpoint: `http://${redirecting.authority}` }], allow: ['127.0.0.1'] }
      const folder = way.replaceAll(' ', '-')
      const supernodes = way === 'alone' ? [] : [(await lab.supernode('supernode', { config: { origins } })).address]
      const daemon = await lab.daemon(folder, { supernodes, config: { origins } })
      const skopeo = await createSkopeo(lab, daemon.mirror, [NAME], `skopeo-${folder}`)
      await skopeo.pull(`${NAME}/team/app:1`, `${REGISTRY_USER.username}:${REGISTRY_USER.password}`)
      await assert.rejects(skopeo.pull(`${NAME}/team/app:1`), /unauthorized|authentication required/i)
      const { storeQuestions } = redirecting
      const shortest = [image.config, ...image.layers].reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / GOOD_FOR), 0)
      assert.ok(storeQuestions.length >= shortest, JSON.stringify(storeQuestions))
      assert.ok(storeQuestions.every(({ authorization }) => authorization === undefined))
    })
  }
})
