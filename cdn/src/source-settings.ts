import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { registrySettings } from './oci/registry-settings.ts'
import { s3BucketSettings } from './s3/s3-bucket-settings.ts'

/** Settings of origins besides those of HTTP; spread them into a section of a configuration. */
export const sourceSettings = {
  s3: z.array(s3BucketSettings).default([]).describe('Buckets from which `s3://BUCKET/KEY` URLs are fetched, and how they are reached'),
  registries: z.array(registrySettings).default([]).describe('Registries that need more than their name; any other is asked anonymously, over TLS'),
  dockerConfig: z
    .string()
    .refine((path) => isAbsolute(path), { error: 'expected an absolute path' })
    .optional()
    .describe("Docker's `config.json`, whose logins and credential helpers are used for registries that have no login here"),
} as const

/** For supernodes alone: what a peer can read, its callers can. */
export const fileSettings = {
  files: z
    .array(z.string().refine((path) => isAbsolute(path), { error: 'expected an absolute path' }))
    .default([])
    .describe('Folders of this machine below which `file:///PATH` URLs are served to every peer'),
} as const
