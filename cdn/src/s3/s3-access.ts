import { secret } from '@damselfly/shared/config'
import * as z from 'zod'

/** Settings that say how an S3 server is reached; spread them into a section of a configuration. */
export const s3AccessSettings = {
  endpoint: z
    .url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' })
    .optional()
    .describe("The S3 server, such as `https://s3.example.com`; none: Amazon's for the region"),
  region: z.string().min(1).default('us-east-1').describe('The region that requests are signed for'),
  pathStyle: z
    .boolean()
    .optional()
    .meta({
      defaultText: '`true` with an endpoint',
      description: 'Whether the bucket stands in the path of URLs, not in the host name',
    }),
  accessKeyId: z.string().min(1).optional().describe('The public part of the key; none: requests are not signed'),
  secretAccessKey: secret().optional().describe('The secret part of the key'),
  sessionToken: secret().optional().describe('What goes with a temporary key'),
  machineCredentials: z
    .boolean()
    .default(false)
    .describe("Whether the machine's own credentials are used: AWS_* variables, `~/.aws`, or the role of the instance"),
} as const

const s3AccessSchema = z.strictObject(s3AccessSettings)

/** How an S3 server is reached, and as whom. */
export type S3Access = z.output<typeof s3AccessSchema>

type KeySettings = Pick<S3Access, 'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'machineCredentials'>

/** For `refine`: a key has two parts, and takes the place of the machine's credentials. */
export function hasSoundKey({ accessKeyId, secretAccessKey, sessionToken, machineCredentials }: KeySettings): boolean {
  const hasKey = accessKeyId !== undefined
  if (hasKey !== (secretAccessKey !== undefined)) return false
  return hasKey ? !machineCredentials : sessionToken === undefined
}

/** What to say where `hasSoundKey` does not hold. */
export const UNSOUND_KEY = 'give accessKeyId and secretAccessKey together, or machineCredentials in their place'
