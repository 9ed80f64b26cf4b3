import { isIP } from 'node:net'
import { LOOPBACK_ADDRESSES } from '@damselfly/exchange'
import * as z from 'zod'

/** On IPv6 too where the machine has it, until the operator decides otherwise. */
export const LOOPBACK: string[] = [...LOOPBACK_ADDRESSES]

export const port = (): z.ZodNumber => z.number().int().min(0).max(65_535)
export const address = (): z.ZodString => z.string().refine((text) => isIP(text) !== 0, { error: 'expected an IP address' })
